-- Chance: numbers, choices and external ids, by the seed. A part of generate.sql.

CREATE FUNCTION worlds.chance(probability float) RETURNS boolean LANGUAGE sql AS 'SELECT random() < probability';

CREATE FUNCTION worlds.between(low int, high int) RETURNS int LANGUAGE sql AS
  'SELECT low + floor(random() * (high - low + 1))::int';

-- One element; NULL of an empty array. Callers give arrays in a fixed order, so that the seed alone decides.
CREATE FUNCTION worlds.pick(choices anyarray) RETURNS anyelement LANGUAGE plpgsql AS $$
BEGIN
  RETURN choices[worlds.between(1, cardinality(choices))];
END
$$;

CREATE FUNCTION worlds.random_uuid() RETURNS uuid LANGUAGE sql AS 'SELECT overlay(md5(random()::text || random()::text) PLACING ''4'' FROM 13)::uuid';

CREATE FUNCTION worlds.shuffled(choices text[]) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  other int;
  held text;
BEGIN
  FOR i IN REVERSE cardinality(choices)..2 LOOP
    other := worlds.between(1, i);
    held := choices[i];
    choices[i] := choices[other];
    choices[other] := held;
  END LOOP;
  RETURN choices;
END
$$;

-- External ids: numbers, what only looks like one, pairs that differ by case or blanks, and what wants quoting.
CREATE FUNCTION worlds.external_ids() RETURNS text[] LANGUAGE sql AS $$
  SELECT worlds.shuffled(ARRAY['7', '07', ' 7', '+7', '7.0', '-7', '0', '00', '-0', '42', '43', '44', '45', '46', '101', '102', '103', '104', '105', '106',
    '1e3', '1000', '2147483647', '2147483648', '9223372036854775807', '9223372036854775808', '00000000000000000000000042',
    'acme', 'Acme', 'ACME', 'acme ', 'acme-incorporated', 'acme-incorpo', 'ä', 'o''reilly', 'a b', 'a\b', '{7}', '{a,b}', 'a,b',
    '"q"', 'null', 'NULL', '%', '$1', 'x'') OR true --'])
$$;
