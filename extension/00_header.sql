-- pg_tenancy: row-level tenancy for every SQL client.
\echo Use "CREATE EXTENSION pg_tenancy" to load this file. \quit
