/* Sends the content of a reply: a part of a file, or several parts with a head before each. */
#pragma once

#include "download/bytes/range.h"
#include "download/file.h"
#include "download/throttle.h"

struct dl_slice;

/* The state of a request. */
struct dl_sending {
    struct dl_file *file;   /* the file that is sent; NULL: none */
    struct dl_file *named;  /* the uncompressed file, which determines the type; NULL: `file`
                             * itself */
    const char *coding;     /* coding of the content; NULL: none */
    struct dl_range one;    /* the range that is sent, */
    struct dl_range *parts; /* or several ranges as multipart/byteranges; NULL: `one` */
    unsigned count;         /* number of parts */
    unsigned step;          /* number of heads and parts already sent, */
    uint64_t done;          /* and bytes sent of the current one */
    struct dl_slice *slice; /* slice of a file that needs several; NULL: none yet */
    struct dl_throttle throttle;
    uint64_t boundary; /* boundary between parts */
};

#define DL_SENDING_TYPE_MAX 64
/* Replies up to this size are copied, so that the request can end at once. */
#define DL_SENDING_COPY_MAX 16384

/* Send one part of a file. Takes the reference over. */
void dl_sending_init(struct dl_sending *s, struct dl_file *file, struct dl_range part);

/* Send a coding of the file instead, as a whole. Takes the reference over. */
void dl_sending_set_coding(struct dl_sending *s, struct dl_file *file, const char *coding);

/* Content type of the file, also of a single part; "": none. */
const char *dl_sending_file_type(const struct dl_sending *s);

/* Send several parts instead, at least two. 0; -ENOMEM. */
int dl_sending_set_parts(struct dl_sending *s, const struct dl_range *parts, unsigned count,
                         uint64_t boundary);

void dl_sending_fini(struct dl_sending *s);

/* Content length. */
uint64_t dl_sending_length(const struct dl_sending *s);

/* Content type of several parts. */
void dl_sending_type(const struct dl_sending *s, char ret_type[DL_SENDING_TYPE_MAX]);

/* Write as much as room and rates permit, and end the reply after the last byte. 0, or a negative
 * value that the callback has to return. */
int dl_sending_go(struct dl_sending *s, struct goevd_http_request *r);
