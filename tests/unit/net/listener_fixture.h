/* A listener with its reactors on threads of their own, and clients. */
#pragma once

#include "unit/unit.h"

#include "net/accept/listen.h"
#include "net/accept/listener.h"
#include "net/conn/conn.h"

#define CLIENTS_MAX 1000

extern struct reactor *reactor;  /* that serves */
extern struct reactor *acceptor; /* only in acceptor mode */
extern struct listener *listener;
extern struct address bound;
extern struct listener_config listener_config; /* may be changed before listener_start() */
extern struct poller_config listener_pollers;  /* likewise */
extern atomic_uint opened, closed;
extern atomic_int pauses, resumes, pause_error; /* what on_pause was told */

int listener_setup(void **state);    /* defaults */
int listener_teardown(void **state); /* ends all; each on_open has had its on_close */

/* An echo, that first greets with the number of its poller. */
void listener_start(const char *address, unsigned pollers);

int client_socket(const struct address *a);
void client_connect(int fd, const struct address *a);
int client_open(const struct address *a);
ssize_t client_receive(int fd, void *data, size_t len); /* all of it */
int client_greeting(int fd); /* the poller that greets, or -1 at the end */
void client_echo(int fd);
bool client_waits(int fd); /* nothing has come yet */

#define LISTENER_TEST(name) cmocka_unit_test_setup_teardown(name, listener_setup, listener_teardown)
