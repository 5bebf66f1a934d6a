/* The loop of the floors: the least that a server must do to read and answer.
 *
 *   floor --port N [--threads N] [--pin CPU,CPU…] [--steer]
 *
 * Each thread has its own SO_REUSEPORT socket, epoll and connections. --pin ties thread i to the
 * i-th CPU; --steer gives a new connection to the thread of the CPU that received it. There are no
 * timers, no output queue and no counters; a reply that the socket does not take whole ends the
 * connection. It listens on 127.0.0.1 and runs until it is killed.
 */
#pragma once

#define FLOOR_FDS_MAX 131072
#define FLOOR_READ_BYTES 65536

/* The read buffer of a thread. Bytes that an earlier read has left lie in front. */
struct floor_read {
    char room[FLOOR_READ_BYTES];
    char data[FLOOR_READ_BYTES];
};

/* The callbacks of a floor: a connection is new; it can be read. */
void floor_open(int fd);
void floor_serve(struct floor_read *r, int fd);

/* The rest of main(); never returns but with an error. */
int floor_main(int argc, char **argv);
