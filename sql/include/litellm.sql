CREATE TABLE "LiteLLM_OrganizationTable" ("organization_id" TEXT PRIMARY KEY, "organization_alias" TEXT NOT NULL, "budget_id" TEXT NOT NULL, "metadata" JSONB NOT NULL DEFAULT '{}',
  "models" TEXT[], "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0, "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "created_by" TEXT NOT NULL);
CREATE TABLE "LiteLLM_TeamTable" ("team_id" TEXT PRIMARY KEY, "team_alias" TEXT, "organization_id" TEXT, "admins" TEXT[], "members" TEXT[], "members_with_roles" JSONB NOT NULL DEFAULT '{}',
  "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0, "models" TEXT[], "blocked" BOOLEAN NOT NULL DEFAULT false, "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE "LiteLLM_UserTable" ("user_id" TEXT PRIMARY KEY, "user_alias" TEXT, "team_id" TEXT, "organization_id" TEXT, "teams" TEXT[] DEFAULT ARRAY[]::TEXT[], "user_role" TEXT,
  "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0, "user_email" TEXT);
CREATE TABLE "LiteLLM_OrganizationMembership" ("user_id" TEXT NOT NULL, "organization_id" TEXT NOT NULL, "user_role" TEXT, "spend" DOUBLE PRECISION DEFAULT 0.0,
  "created_at" TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY ("user_id", "organization_id"));
CREATE TABLE "LiteLLM_VerificationToken" ("token" TEXT PRIMARY KEY, "key_name" TEXT, "key_alias" TEXT, "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0, "expires" TIMESTAMP(3), "models" TEXT[],
  "user_id" TEXT, "team_id" TEXT, "blocked" BOOLEAN, "organization_id" TEXT, "created_at" TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE "LiteLLM_SpendLogs" ("request_id" TEXT NOT NULL, "call_type" TEXT NOT NULL, "api_key" TEXT NOT NULL DEFAULT '', "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0,
  "total_tokens" INTEGER NOT NULL DEFAULT 0, "prompt_tokens" INTEGER NOT NULL DEFAULT 0, "completion_tokens" INTEGER NOT NULL DEFAULT 0, "startTime" TIMESTAMP(3) NOT NULL,
  "endTime" TIMESTAMP(3) NOT NULL, "completionStartTime" TIMESTAMP(3), "model" TEXT NOT NULL DEFAULT '', "model_id" TEXT DEFAULT '', "custom_llm_provider" TEXT DEFAULT '',
  "api_base" TEXT DEFAULT '', "user" TEXT DEFAULT '', "metadata" JSONB DEFAULT '{}', "request_tags" JSONB DEFAULT '[]', "team_id" TEXT, "organization_id" TEXT, "end_user" TEXT,
  "messages" JSONB DEFAULT '{}', "response" JSONB DEFAULT '{}', "session_id" TEXT, "status" TEXT, "proxy_server_request" JSONB DEFAULT '{}',
  CONSTRAINT "LiteLLM_SpendLogs_pkey" PRIMARY KEY ("request_id"));
CREATE INDEX "LiteLLM_SpendLogs_startTime_idx" ON "LiteLLM_SpendLogs"("startTime");
CREATE TABLE "LiteLLM_DailyTeamSpend" ("id" TEXT PRIMARY KEY, "team_id" TEXT NOT NULL, "date" TEXT NOT NULL, "api_key" TEXT NOT NULL, "model" TEXT NOT NULL, "prompt_tokens" INTEGER NOT NULL DEFAULT 0,
  "completion_tokens" INTEGER NOT NULL DEFAULT 0, "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0, "api_requests" INTEGER NOT NULL DEFAULT 0, "updated_at" TIMESTAMP(3) NOT NULL);
CREATE TABLE "LiteLLM_DailyOrganizationSpend" ("id" TEXT PRIMARY KEY, "organization_id" TEXT, "date" TEXT NOT NULL, "api_key" TEXT NOT NULL, "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0,
  "updated_at" TIMESTAMP(3) NOT NULL);
INSERT INTO "LiteLLM_OrganizationTable" (organization_id, organization_alias, budget_id, created_by) VALUES ('org-1', 'Initech', 'b', 'x'), ('org-2', 'Hooli', 'b', 'x');
INSERT INTO "LiteLLM_UserTable" (user_id, user_alias, user_email) VALUES ('u-ann', 'Ann', 'Ann@initech.test'), ('u-bob', 'Bob', 'bob@initech.test'), ('u-cat', 'Cat', 'cat@initech.test'),
  ('u-dan', 'Dan', 'dan@hooli.test'), ('u-bot', 'a bot', NULL);
INSERT INTO "LiteLLM_OrganizationMembership" (user_id, organization_id, user_role) VALUES ('u-ann', 'org-1', 'org_admin'), ('u-dan', 'org-2', 'org_admin'), ('u-bob', 'org-1', 'internal_user');
INSERT INTO "LiteLLM_TeamTable" (team_id, team_alias, organization_id, members_with_roles) VALUES
  ('team-1', 'Support', 'org-1', '[{"user_id": "u-bob", "role": "admin"}, {"user_id": "u-cat", "role": "user"}, {"user_id": "u-bot", "role": "user"}]'),
  ('team-2', 'Search', 'org-1', '[{"user_id": "u-cat", "role": "user"}]'), ('team-3', NULL, 'org-2', '[]'), ('team-4', 'Nobody''s', NULL, '[]');
INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, "startTime", "endTime", model, "user", team_id, organization_id, spend, messages, api_key) VALUES
  ('1-bob', 'acompletion', '2026-03-01 10:00', '2026-03-01 10:01', 'm', 'u-bob', 'team-1', 'org-1', 1, '["bob asks"]', 'h1'),
  ('2-cat', 'acompletion', '2026-03-01 10:00', '2026-03-01 10:01', 'm', 'u-cat', 'team-1', 'org-1', 2, '["cat asks"]', 'h2'),
  ('3-service', 'acompletion', '2026-03-01 10:00', '2026-03-01 10:01', 'm', '', 'team-2', 'org-1', 4, '["service asks"]', ''),
  ('4-organization', 'acompletion', '2026-03-01 10:00', '2026-03-01 10:01', 'm', '', NULL, 'org-1', 8, '["organization asks"]', ''),
  ('5-hooli', 'acompletion', '2026-03-01 10:00', '2026-03-01 10:01', 'm', 'u-dan', 'team-3', 'org-2', 16, '["dan asks"]', 'h3'),
  ('6-nobody', 'acompletion', '2026-03-01 10:00', '2026-03-01 10:01', 'm', '', NULL, NULL, 32, '["nobody asks"]', '');
INSERT INTO "LiteLLM_DailyTeamSpend" (id, team_id, date, api_key, model, spend, updated_at) VALUES ('t1', 'team-1', '2026-03-01', 'h1', 'm', 3, '2026-03-01'), ('t2', 'team-2', '2026-03-01', '', 'm', 4, '2026-03-01'),
  ('t3', 'team-3', '2026-03-01', 'h3', 'm', 16, '2026-03-01');
INSERT INTO "LiteLLM_DailyOrganizationSpend" (id, organization_id, date, api_key, spend, updated_at) VALUES ('o1', 'org-1', '2026-03-01', '', 15, '2026-03-01'), ('o2', 'org-2', '2026-03-01', '', 16, '2026-03-01');
INSERT INTO "LiteLLM_VerificationToken" (token, key_alias, user_id, team_id, organization_id) VALUES ('h1', 'bob', 'u-bob', 'team-1', 'org-1'), ('h2', 'cat', 'u-cat', 'team-1', 'org-1'), ('h3', 'dan', 'u-dan', 'team-3', 'org-2');
