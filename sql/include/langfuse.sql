CREATE TYPE "Role" AS ENUM ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER', 'NONE');
CREATE TABLE organizations ("id" TEXT PRIMARY KEY, "name" TEXT NOT NULL, "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE projects ("id" TEXT PRIMARY KEY, "name" TEXT NOT NULL, "org_id" TEXT NOT NULL REFERENCES organizations);
CREATE TABLE users ("id" TEXT PRIMARY KEY, "name" TEXT, "email" TEXT);
CREATE TABLE organization_memberships ("id" TEXT PRIMARY KEY, "org_id" TEXT NOT NULL REFERENCES organizations, "user_id" TEXT NOT NULL REFERENCES users, "role" "Role" NOT NULL,
  "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE project_memberships ("project_id" TEXT NOT NULL REFERENCES projects, "user_id" TEXT NOT NULL REFERENCES users, "org_membership_id" TEXT NOT NULL REFERENCES organization_memberships,
  "role" "Role" NOT NULL, PRIMARY KEY ("project_id", "user_id"));
CREATE TABLE traces ("id" TEXT PRIMARY KEY, "timestamp" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "name" TEXT, "user_id" TEXT, "metadata" JSONB, "project_id" TEXT NOT NULL REFERENCES projects,
  "public" BOOLEAN NOT NULL DEFAULT false, "tags" TEXT[] DEFAULT ARRAY[]::TEXT[], "input" JSONB, "output" JSONB, "session_id" TEXT);
CREATE TABLE observations ("id" TEXT PRIMARY KEY, "trace_id" TEXT, "project_id" TEXT NOT NULL REFERENCES projects, "type" TEXT NOT NULL, "start_time" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "end_time" TIMESTAMP(3), "name" TEXT, "metadata" JSONB, "parent_observation_id" TEXT, "status_message" TEXT, "model" TEXT, "input" JSONB, "output" JSONB,
  "prompt_tokens" INTEGER NOT NULL DEFAULT 0, "completion_tokens" INTEGER NOT NULL DEFAULT 0, "total_tokens" INTEGER NOT NULL DEFAULT 0, "total_cost" DECIMAL(65,30));
CREATE TABLE scores ("id" TEXT PRIMARY KEY, "timestamp" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "project_id" TEXT NOT NULL REFERENCES projects, "name" TEXT NOT NULL, "value" DOUBLE PRECISION,
  "comment" TEXT, "trace_id" TEXT NOT NULL);
INSERT INTO organizations VALUES ('o1', 'Initech'), ('o2', 'Hooli');
INSERT INTO projects VALUES ('p1', 'Support', 'o1'), ('p2', 'Search', 'o1'), ('p3', 'Compression', 'o2');
INSERT INTO users VALUES ('u1', 'Ann', 'ann@initech.test'), ('u2', 'Bob', 'bob@initech.test'), ('u3', 'Cat', 'Cat@initech.test'), ('u4', 'Dan', 'dan@hooli.test');
INSERT INTO organization_memberships (id, org_id, user_id, role) VALUES ('m1', 'o1', 'u1', 'OWNER'), ('m2', 'o1', 'u2', 'VIEWER'), ('m3', 'o1', 'u3', 'NONE'), ('m4', 'o2', 'u4', 'OWNER');
INSERT INTO project_memberships VALUES ('p2', 'u3', 'm3', 'ADMIN');
INSERT INTO traces (id, name, user_id, project_id, input) VALUES ('t1', 'chat', 'a customer', 'p1', '"asks"'), ('t2', 'chat', NULL, 'p2', '"asks"'), ('t3', 'chat', 'u2', 'p3', '"asks"');
INSERT INTO observations (id, trace_id, project_id, type, input, total_cost) VALUES ('b1', 't1', 'p1', 'GENERATION', '"asks"', 1), ('b2', 't2', 'p2', 'GENERATION', '"asks"', 2), ('b3', 't3', 'p3', 'GENERATION', '"asks"', 4);
INSERT INTO scores (id, project_id, name, value, comment, trace_id) VALUES ('s1', 'p1', 'quality', 1, 'good', 't1'), ('s3', 'p3', 'quality', 0, 'bad', 't3');
