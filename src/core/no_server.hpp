// To be included last by each file of the core: fails where a server header has come in.
//
// The core's own headers cannot say it: the bridge includes them after the server's.
#ifdef POSTGRES_H
#error "a server header has been included where none may be"
#endif
