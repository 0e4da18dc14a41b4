-- The vocabulary that a database has chosen.

CREATE TABLE tenancy.chosen_vocabulary (
  vocabulary text COLLATE "C" PRIMARY KEY CHECK (vocabulary IN ('none')),
  chosen_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tenancy.chosen_vocabulary IS 'The vocabulary that use_vocabulary() has chosen; without a row, llm_gateway';
COMMENT ON COLUMN tenancy.chosen_vocabulary.vocabulary IS 'none: without the resources of an LLM gateway, their grants and their settings';
COMMENT ON COLUMN tenancy.chosen_vocabulary.chosen_at IS 'Time of the choice';
