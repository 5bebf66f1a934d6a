/* The content of a reply: a part of a file, or several with a head before each. */
#pragma once

#include "download/file.h"
#include "download/range.h"

/* The state of a request. */
struct sending {
    struct file *file;   /* NULL: nothing is sent */
    struct range one;    /* what of it, */
    struct range *parts; /* or what of it in turn, as multipart/byteranges; NULL: `one` */
    unsigned count;      /* of parts */
    unsigned step;       /* how far it has come */
    uint64_t boundary;   /* between parts */
};

#define SENDING_TYPE_MAX 64

/* Send one part. Takes the reference to the file over. */
void sending_init(struct sending *s, struct file *file, struct range part);

/* Send several instead, at least two. 0; -ENOMEM. */
int sending_set_parts(struct sending *s, const struct range *parts, unsigned count,
                      uint64_t boundary);

void sending_fini(struct sending *s);

/* Bytes in all. */
uint64_t sending_length(const struct sending *s);

/* Type of the content of several parts. */
void sending_type(const struct sending *s, char ret_type[SENDING_TYPE_MAX]);

/* Write as much as there is room for, and end the reply if that is all. 0, or a negative value for
 * the callback to return. */
int sending_go(struct sending *s, struct goevd_http_request *r);
