/* The client of the control socket. */
#pragma once

#include <stdbool.h>

struct ctl_request {
    char **words;
    int word_count;
    bool json;
    const char *listener; /* of connections; NULL: all */
};

/* A request is one line. 0; -EINVAL after telling stderr. */
int client_check_words(const struct ctl_request *request);

/* Send it to the socket at path, and print the reply. 0; 1 after telling stderr: it was refused, or
 * there was no reply, or not all of it. */
int client_ask(const char *path, const struct ctl_request *request);
