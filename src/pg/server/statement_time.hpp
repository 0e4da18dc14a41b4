// The time against which ends of credentials and rights are judged.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// The time at which the latest statement began: each run of a query is one, also the later ones of a
/// client's message, of a DO block, a function or a procedure, and each FETCH. An expression that PL/pgSQL
/// evaluates without the executor is part of the statement before it. The time never goes back in a session,
/// whatever the clock does. A parallel worker begins with its own clock, after its leader's statement.
TimestampTz statement_time();

/// A statement begins now. Reads the clock only in a session that has had a credential or a right with an
/// end.
void begin_statement();
/// The same in any session.
void read_clock();

/// The session has a credential or a right with an end.
void watch_clock();

}  // namespace tenancy::pg
