/* The raw requests of tests/http; its README.md describes their format. */
#pragma once

#include <stddef.h>

struct http_corpus_case {
    char file[64];
    char name[64];
    char verdict[128];
    char *data;
    size_t len;
};

/* Call fn for each case of each file, in their order. Returns how many there are. */
int http_corpus_each(void (*fn)(void *arg, const struct http_corpus_case *c), void *arg);
