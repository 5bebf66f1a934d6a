/* create refuses an option that its schema could not judge. */
#include <stdio.h>

#include "plain.h"

struct options {
    struct goevd_list words; /* of struct goevd_str */
};

static const struct goevd_option word_options[] = {
    {.type = GOEVD_OPTION_STRING, .help = "a word"},
    {0},
};
static const struct goevd_schema word_schema = GOEVD_SCHEMA(struct goevd_str, word_options);

static const struct goevd_option options[] = {
    {.name = "words",
     .type = GOEVD_OPTION_LIST,
     .offset = offsetof(struct options, words),
     .item = &word_schema,
     .help = "words, none of which may be 'bad'"},
    {0},
};
static const struct goevd_schema schema = GOEVD_SCHEMA(struct options, options);

static int
create_refuses(struct goevd_self *self, const void *given, void **ret_instance)
{
    const struct options *o = given;
    const struct goevd_str *words = o->words.items;
    char path[32];
    int r = 0;

    *ret_instance = NULL;
    for (size_t i = 0; i < o->words.count; i++) {
        if (strcmp(words[i].data, "bad") != 0)
            continue;
        snprintf(path, sizeof(path), "words[%zu]", i);
        r = goevd_refuse(self, path, "'%s' is a bad word", words[i].data);
    }
    return r;
}

GOEVD_PLUGIN(.name = "create_refuses", .description = "refuses bad words", .options = &schema,
             .create = create_refuses, .interface = plain_interface);
