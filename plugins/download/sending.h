/* The content of a reply: a part of a file, or several with a head before each. */
#pragma once

#include "download/bytes/range.h"
#include "download/file.h"
#include "download/throttle.h"

struct dl_slice;

/* The state of a request. */
struct dl_sending {
    struct dl_file *file;   /* whose bytes are sent; NULL: none are */
    struct dl_file *named;  /* what they are a coding of, and whose type counts; NULL: of itself */
    const char *coding;     /* the name of that coding; NULL: none */
    struct dl_range one;    /* what of it, */
    struct dl_range *parts; /* or what of it in turn, as multipart/byteranges; NULL: `one` */
    unsigned count;         /* of parts */
    unsigned step;          /* how far it has come, */
    uint64_t done;          /* and how many bytes of the part */
    struct dl_slice *slice; /* of a file that is sent in several; NULL: none is yet */
    struct dl_throttle throttle;
    uint64_t boundary; /* between parts */
};

#define DL_SENDING_TYPE_MAX 64
#define DL_SENDING_COPY_MAX 16384 /* bytes that are copied: most such replies wait for nobody */

/* Send one part. Takes the reference to the file over. */
void dl_sending_init(struct dl_sending *s, struct dl_file *file, struct dl_range part);

/* Send a coding of the file, all of it, instead. Takes the reference over. */
void dl_sending_set_coding(struct dl_sending *s, struct dl_file *file, const char *coding);

/* The type of the content, but for several parts; "": none. */
const char *dl_sending_file_type(const struct dl_sending *s);

/* Send several instead, at least two. 0; -ENOMEM. */
int dl_sending_set_parts(struct dl_sending *s, const struct dl_range *parts, unsigned count,
                         uint64_t boundary);

void dl_sending_fini(struct dl_sending *s);

/* Bytes in all. */
uint64_t dl_sending_length(const struct dl_sending *s);

/* Type of the content of several parts. */
void dl_sending_type(const struct dl_sending *s, char ret_type[DL_SENDING_TYPE_MAX]);

/* Write as much as there is room for and the rates permit, and end the reply if that is all. 0, or
 * a negative value for the callback to return. */
int dl_sending_go(struct dl_sending *s, struct goevd_http_request *r);
