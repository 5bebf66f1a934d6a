/* A transport that injects faults into a plain socket: short reads and writes, "not now", errors at
 * a chosen call, no sendfile, bytes pending inside, a handshake that needs rounds. */
#pragma once

#include "net/conn/transport.h"

struct faults {
    size_t read_max;      /* bytes that one read gives; 0: as many as asked for */
    size_t write_max;     /* bytes that one write takes; 0: as many as given */
    unsigned again_every; /* each nth call returns -EAGAIN; 0: none */
    unsigned fail_call;   /* the call with this number, from 1 on, fails; 0: none */
    int fail_error;       /* ... with this */
    unsigned handshakes; /* bytes that the peer sends, one a round, before the transport is ready */
    uint32_t wants;      /* events that it requests in the handshake */
    int handshake_error; /* at the end of the handshake */
    bool no_send_file;
    bool hoards; /* reads more than it is asked for, and keeps it */

    /* The result. */
    unsigned calls, reads, writes, files, shutdowns, finis;
};

extern struct faults faults;
extern const struct transport transport_faulty;
