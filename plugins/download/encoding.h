/* Which content coding a client takes, RFC 9110 section 12.5.3. */
#pragma once

#include <stdint.h>

#include <goevd/plugin.h>

/* Codings that files can be prepared in; in the order of their names in the options. */
enum encoding { ENCODING_BR, ENCODING_ZST, ENCODING_GZ, ENCODING_COUNT };

/* Quality values in thousandths; 0: not acceptable. */
struct encoding_weights {
    uint16_t of[ENCODING_COUNT];
    uint16_t identity;
};

/* What follows the name of a file that is prepared so, and what the headers call it. */
extern const char *const encoding_suffixes[ENCODING_COUNT];
extern const char *const encoding_names[ENCODING_COUNT];

/* Read the value of Accept-Encoding; data is NULL where there is none. */
void encoding_read(struct goevd_str value, struct encoding_weights *ret);
