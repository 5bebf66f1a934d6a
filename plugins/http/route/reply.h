/* A reply that is known at start: status, fields and content, whatever it will go out by. */
#pragma once

#include "http/message/util.h"

/* A reply that is known before it is asked for. */
struct http_reply {
    int status;
    struct http_span fields; /* header lines, each with CR LF */
    struct http_span body;
    char *memory; /* what of them was allocated, in one piece; NULL: nothing */
};
