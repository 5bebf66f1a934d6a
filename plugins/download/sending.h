/* The content of a reply: a part of a file, or several with a head before each. */
#pragma once

#include "download/file.h"
#include "download/range.h"
#include "download/throttle.h"

struct slice;

/* The state of a request. */
struct sending {
    struct file *file;   /* whose bytes are sent; NULL: none are */
    struct file *named;  /* what they are a coding of, and whose type counts; NULL: of itself */
    const char *coding;  /* the name of that coding; NULL: none */
    struct range one;    /* what of it, */
    struct range *parts; /* or what of it in turn, as multipart/byteranges; NULL: `one` */
    unsigned count;      /* of parts */
    unsigned step;       /* how far it has come, */
    uint64_t done;       /* and how many bytes of the part */
    struct slice *slice; /* of a file that is sent in several; NULL: none is yet */
    struct throttle throttle;
    uint64_t boundary; /* between parts */
};

#define SENDING_TYPE_MAX 64

/* Send one part. Takes the reference to the file over. */
void sending_init(struct sending *s, struct file *file, struct range part);

/* Send a coding of the file, all of it, instead. Takes the reference over. */
void sending_set_coding(struct sending *s, struct file *file, const char *coding);

/* The type of the content, but for several parts; "": none. */
const char *sending_file_type(const struct sending *s);

/* Send several instead, at least two. 0; -ENOMEM. */
int sending_set_parts(struct sending *s, const struct range *parts, unsigned count,
                      uint64_t boundary);

void sending_fini(struct sending *s);

/* Bytes in all. */
uint64_t sending_length(const struct sending *s);

/* Type of the content of several parts. */
void sending_type(const struct sending *s, char ret_type[SENDING_TYPE_MAX]);

/* Write as much as there is room for and the rates permit, and end the reply if that is all. 0, or
 * a negative value for the callback to return. */
int sending_go(struct sending *s, struct goevd_http_request *r);
