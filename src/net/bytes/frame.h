/* Frames: the end of one among received bytes, and the head and tail of one to send. Independent of
 * connections. */
#pragma once

#include <goevd/framing.h>
#include <goevd/plugin.h>

#define FRAME_HEAD_MAX 8                    /* bytes of a prefix */
#define FRAME_EXTRA_MAX GOEVD_DELIMITER_MAX /* bytes of a frame beside its data */

struct frame {
    size_t head;  /* bytes before its data */
    size_t len;   /* bytes of data */
    size_t bytes; /* with prefix and delimiter; of one that is not whole: those it needs, or 0 */
};

/* Find the frame that these bytes begin with.
 *
 * searched  bytes at their beginning that were searched before, without an end in them.
 * Returns   0; -EAGAIN: it is not whole yet; -EMSGSIZE: it is longer than max, or has no end within
 *           that; -EBADMSG: its length is invalid. *ret is set each time: head and len are those of
 *           the bytes that are there, at most max.
 */
int frame_find(const struct goevd_framing *f, size_t max, const char *data, size_t len,
               size_t searched, struct frame *ret);

/* The bytes before and behind the data of a frame. */
struct frame_ends {
    char head[FRAME_HEAD_MAX];
    size_t head_len;
    const char *tail;
    size_t tail_len;
};

/* 0; -EMSGSIZE: longer than the prefix can express; -EINVAL: frame_find() would find another one.
 */
int frame_ends(const struct goevd_framing *f, const char *data, size_t len, struct frame_ends *ret);
