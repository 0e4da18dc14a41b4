-- may() and may_not(): each passing and failing.
BEGIN;
\ir include/testing_world.sql

SELECT * FROM check_test(tenancy_testing.may('logs', 'view'), false, 'a superuser may', 'may view logs', 'no row policy applies to role', true);
SELECT * FROM check_test(tenancy_testing.may_not('logs', 'view'), false, 'a superuser may not', 'may not view logs', 'no row policy applies to role', true);

SELECT tenancy_testing.become('mia@acme.example', 'acme');
SELECT * FROM check_test(tenancy_testing.may('logs', 'view', 'acme/assistant'), true, 'may', 'may view logs in workspace acme/assistant', '');
SELECT * FROM check_test(tenancy_testing.may_not('logs', 'view', 'assistant'), false, 'may not, though it may', 'may not view logs in workspace assistant',
  'who: user "mia@acme.example" in organization "acme".*1\. .*allow', true);
SELECT * FROM check_test(tenancy_testing.may_not('prompts', 'publish', 'assistant', 'no'), true, 'may not', 'no', '');
SELECT * FROM check_test(tenancy_testing.may('prompts', 'publish', 'assistant'), false, 'may, though it may not', 'may publish prompts in workspace assistant', 'who: user', true);
SELECT * FROM check_test(tenancy_testing.may('logs', 'view'), true, 'may somewhere', 'may view logs', '');
SELECT * FROM check_test(tenancy_testing.may_not('billing', 'manage'), true, 'may not in the organization');
SELECT throws_ok($$SELECT tenancy_testing.may_not('logs', 'veiw')$$, '22023', NULL, 'a mistyped action is no denial');

SELECT tenancy_testing.become_nobody();
SELECT * FROM check_test(tenancy_testing.may_not('logs', 'view'), true, 'nobody may not');

SELECT * FROM finish();
ROLLBACK;
