-- What the trace files hold, as they hold it. Not protected: nobody but the superuser gets at it.

CREATE TABLE trace (
  model text,
  timestamp timestamptz NOT NULL,
  context_tokens integer NOT NULL,
  generated_tokens integer NOT NULL
);
