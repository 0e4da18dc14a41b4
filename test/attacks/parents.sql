-- Rows that follow parents: the owners of two organizations, in one session, give up keys and take each other's, within a statement and
-- within a transaction, by all statements. No row ever becomes the other organization's.

CREATE PROCEDURE attacks.parent_tables(reference text) LANGUAGE plpgsql AS $$
DECLARE
  globex uuid := (SELECT p.organization_id FROM tenancy.organizations p JOIN tenancy.organization_members m USING (organization_id)
                  JOIN tenancy.users u USING (user_id) WHERE u.email LIKE 'gus@%' LIMIT 1);
BEGIN
  EXECUTE format('CREATE TABLE app.boards (id int PRIMARY KEY, organization_id uuid, workspace_id uuid);
    CREATE TABLE app.labels (LIKE app.boards INCLUDING ALL);
    CREATE TABLE app.cards (id int PRIMARY KEY, board_id int REFERENCES app.boards %1$s, body text);
    CREATE TABLE app.remarks (id int PRIMARY KEY, card_id int REFERENCES app.cards %1$s, body text);
    CREATE TABLE app.labelled (id int PRIMARY KEY, board_id int REFERENCES app.boards %1$s, label_id int REFERENCES app.labels %1$s, body text)', reference);
  PERFORM tenancy.protect('app.boards', 'prompts', 'organization_id', 'workspace_id'), tenancy.protect('app.labels', 'prompts', 'organization_id', 'workspace_id');
  PERFORM tenancy.protect('app.cards', 'prompts', through => '{board_id}'), tenancy.protect('app.labelled', 'prompts', through => '{board_id,label_id}');
  PERFORM tenancy.protect('app.remarks', 'prompts', through => '{card_id}');
  -- Odd ones are acme's. Nothing refers to 3 and 4.
  INSERT INTO app.boards SELECT i, o.id, (SELECT w.workspace_id FROM tenancy.workspaces w WHERE w.organization_id = o.id ORDER BY 1 LIMIT 1)
  FROM generate_series(1, 4) i, LATERAL (SELECT CASE i % 2 WHEN 1 THEN 'aaaaaaaa-0000-4000-8000-000000000000' ELSE globex END) o (id);
  INSERT INTO app.labels SELECT * FROM app.boards;
  INSERT INTO app.cards SELECT i, i, i FROM generate_series(1, 2) i;
  INSERT INTO app.remarks SELECT i, i, i FROM generate_series(1, 2) i;
  INSERT INTO app.labelled SELECT i, i, i, i FROM generate_series(1, 2) i;
  GRANT ALL ON app.boards, app.labels, app.cards, app.remarks, app.labelled TO PUBLIC;
  IF to_regproc('attacks.nothing') IS NOT NULL THEN
    PERFORM set_config('tenancy.guard_rails', 'off', true);
    CREATE OR REPLACE TRIGGER "~tenancy_vacant_key" BEFORE INSERT OR UPDATE OR DELETE ON app.boards FOR EACH ROW EXECUTE FUNCTION attacks.nothing();
    PERFORM set_config('tenancy.guard_rails', 'on', true);
  END IF;
END
$$;
-- As somebody else, in the midst of a statement
CREATE FUNCTION app.meanwhile(who text, command text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  before text := current_setting('tenancy.user');
BEGIN
  PERFORM set_config('tenancy.user', who, true);
  EXECUTE command;
  PERFORM set_config('tenancy.user', before, true);
  RETURN 0;
EXCEPTION WHEN insufficient_privilege OR integrity_constraint_violation OR unique_violation OR foreign_key_violation THEN
  RETURN 0;
END
$$;
GRANT EXECUTE ON FUNCTION app.meanwhile(text, text) TO PUBLIC;
-- Only of what could be committed
CREATE FUNCTION attacks.strayed() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  SET CONSTRAINTS ALL IMMEDIATE;
  RETURN QUERY SELECT format('@found row %s of app.%s is another tenant''s than it was, or than its parent', id, relation)
  FROM (SELECT 'cards', c.id, c.body, c.organization_id, c.workspace_id, b.organization_id, b.workspace_id FROM app.cards c JOIN app.boards b ON b.id = c.board_id
        UNION ALL SELECT 'remarks', r.id, r.body, r.organization_id, r.workspace_id, c.organization_id, c.workspace_id FROM app.remarks r JOIN app.cards c ON c.id = r.card_id
        UNION ALL SELECT 'labelled', l.id, l.body, l.organization_id, l.workspace_id, b.organization_id, b.workspace_id FROM app.labelled l JOIN app.boards b ON b.id = l.board_id
        UNION ALL SELECT 'labelled, by the label', l.id, l.body, l.organization_id, NULL, b.organization_id, NULL FROM app.labelled l JOIN app.labels b ON b.id = l.label_id)
    v (relation, id, body, organization, workspace, organization_of_parent, workspace_of_parent)
  WHERE ROW (organization, workspace) IS DISTINCT FROM ROW (organization_of_parent, workspace_of_parent)
    OR (organization = 'aaaaaaaa-0000-4000-8000-000000000000') <> (body = '1');
EXCEPTION WHEN foreign_key_violation OR integrity_constraint_violation THEN
END
$$;
-- One of a table's keys, or one of its rows, in a statement of WHO
CREATE FUNCTION attacks.parent_step(who text, other text, depth int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  relation text := attacks.pick(ARRAY['boards', 'boards', 'labels', 'cards']);
  id int := 1 + floor(random() * 4);
  new_id int := CASE WHEN random() < 0.7 THEN 1 + floor(random() * 4) ELSE 9 END;
  workspace text := '(SELECT workspace_id FROM tenancy.workspaces ORDER BY random() LIMIT 1)';
  meanwhile text := CASE WHEN depth > 0 AND random() < 0.6 THEN format(' RETURNING app.meanwhile(%L, %L)', attacks.pick(ARRAY[who, other, other]),
    attacks.parent_step(other, who, depth - 1)) ELSE '' END;
BEGIN
  RETURN attacks.pick(ARRAY[
    format('DELETE FROM app.%s WHERE id = %s%s', relation, id, meanwhile), format('UPDATE app.%s SET id = %s WHERE id = %s%s', relation, new_id, id, meanwhile),
    format('UPDATE app.%s SET id = CASE id WHEN %s THEN %s ELSE %s END%s', relation, id, new_id, id, meanwhile),
    format('INSERT INTO app.%s (id%s) VALUES (%s%s)%s', relation, CASE relation WHEN 'cards' THEN ', board_id' ELSE ', workspace_id' END, id, CASE relation WHEN 'cards' THEN ', ' || new_id ELSE ', ' || workspace END, meanwhile),
    format('INSERT INTO app.%s (id%s) VALUES (%s%s) ON CONFLICT (id) DO UPDATE SET id = %s%s', relation, CASE relation WHEN 'cards' THEN ', board_id' ELSE '' END, id, CASE relation WHEN 'cards' THEN ', ' || new_id ELSE '' END, new_id, meanwhile),
    CASE relation WHEN 'cards' THEN format('UPDATE app.cards SET board_id = %s%s', new_id, meanwhile) ELSE format('UPDATE app.%s SET workspace_id = %s WHERE id = %s%s', relation, workspace, id, meanwhile) END,
    format('WITH d AS (DELETE FROM app.%s WHERE id = %s RETURNING id) INSERT INTO app.boards (id) SELECT id FROM d%s', relation, id, meanwhile)]);
END
$$;
INSERT INTO attacks.cases (family, title, script, forbidden, watched, fresh)
SELECT 'parents', format('%s, series %s', coalesce(nullif(reference, ''), 'checked at once'), i), format(E'@as postgres\nSET LOCAL client_min_messages = warning;\nCALL attacks.parent_tables(%L);\n', reference) ||
  E'@as att_app olivia\n' || CASE WHEN reference ~ 'DEFERRABLE' THEN E'SET CONSTRAINTS ALL DEFERRED;\n' ELSE '' END ||
  (SELECT string_agg(E'@as att_app ' || who || E'\n' || attacks.parent_step(who || CASE who WHEN 'gus' THEN '@' || :'globex' ELSE '@acme' END || '.test', CASE who WHEN 'gus' THEN 'olivia@acme' ELSE 'gus@' || :'globex' END || '.test', 2) || ';', E'\n' ORDER BY k)
   FROM (SELECT k, attacks.pick(ARRAY['olivia', 'gus']) AS who FROM generate_series(1, 6) k WHERE i > 0) s) ||
  E'\n@as postgres\nSELECT * FROM attacks.strayed();', 'canary_theirs', false, false
FROM unnest(ARRAY['', 'DEFERRABLE', 'ON UPDATE CASCADE DEFERRABLE', 'ON DELETE CASCADE ON UPDATE CASCADE', 'ON DELETE SET NULL DEFERRABLE']) reference, generate_series(1, 12 * :rounds) i;
-- A parent that is deleted, and made anew elsewhere before the foreign key is checked, which once went through
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'known', 'a parent''s key: ' || v.title, format(E'@as postgres\nSET LOCAL client_min_messages = warning;\nCALL attacks.parent_tables(%L);\n@as att_app olivia\n', v.reference) || v.script ||
  E'\n@as att_app gus\nUPDATE app.boards SET workspace_id = (SELECT workspace_id FROM tenancy.workspaces ORDER BY workspace_id DESC LIMIT 1) WHERE id = 1;\n@as postgres\nSELECT * FROM attacks.strayed();', 'canary_theirs', false
FROM (VALUES
  ('deferred', 'DEFERRABLE', E'SET CONSTRAINTS ALL DEFERRED;\nDELETE FROM app.boards WHERE id = 1;\n@as att_app gus\nINSERT INTO app.boards (id) VALUES (1);'),
  ('in the statement', '', format('DELETE FROM app.boards WHERE id = 1 RETURNING app.meanwhile(%L, ''INSERT INTO app.boards (id) VALUES (1)'');', 'gus@' || :'globex' || '.test')),
  ('taken by another', '', format('UPDATE app.boards SET id = 9 WHERE id = 1 RETURNING app.meanwhile(%L, ''UPDATE app.boards SET id = 1 WHERE id = 4'');', 'gus@' || :'globex' || '.test')),
  ('by a cascade', 'ON UPDATE CASCADE DEFERRABLE', E'SET CONSTRAINTS ALL DEFERRED;\nDELETE FROM app.boards WHERE id = 1;\n@as att_app gus\nINSERT INTO app.boards (id) VALUES (1);\nUPDATE app.boards SET id = 9 WHERE id = 1;'),
  ('of a second parent', '', format('DELETE FROM app.labels WHERE id = 1 RETURNING app.meanwhile(%L, ''INSERT INTO app.labels (id) VALUES (1)'');', 'gus@' || :'globex' || '.test'))) v (title, reference, script);
