#pragma once

namespace tenancy::pg {

/// Runs work during which no cursor that is open now can be read, moved or closed, then has them as they
/// were, also after an error, which is raised again. A cursor returns rows with the rights of its opener to
/// any code that knows its name, and loops over a query in PL/pgSQL are cursors: code of others could read
/// them, or take rows away from the loop. Theirs is an error then (55000).
void run_with_cursors_shut(void (*work)(void *), void *argument);

}  // namespace tenancy::pg
