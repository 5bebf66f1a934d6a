#include "ctl/record.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

void
record_begin(FILE *out, const char *kind)
{
    fputs(kind, out);
}

void
record_text(FILE *out, const char *text)
{
    char memory[TEXT_JSON_CHAR_MAX];
    size_t len = text ? strlen(text) : 0;

    fputc('\t', out);
    while (len > 0) {
        struct text t = {.data = memory, .size = sizeof(memory)};
        size_t n = text_add_json_char(&t, text, len);

        fwrite(memory, 1, t.len, out);
        text += n;
        len -= n;
    }
}

void
record_number(FILE *out, uint64_t number)
{
    fprintf(out, "\t%" PRIu64, number);
}

void
record_decimal(FILE *out, double number, int digits)
{
    if (isnan(number))
        fputc('\t', out);
    else
        fprintf(out, "\t%.*f", digits, number);
}

void
record_end(FILE *out)
{
    fputc('\n', out);
}

unsigned
record_split(char *line, char *ret_fields[RECORD_FIELDS_MAX])
{
    static char none[] = "";
    unsigned count = 0;

    for (unsigned i = 0; i < RECORD_FIELDS_MAX; i++) {
        char *field = strsep(&line, "\t");

        count += field != NULL;
        ret_fields[i] = field ? field : none;
    }
    return count;
}

unsigned
record_split_all(char *text, struct record *ret, unsigned max)
{
    unsigned count = 0;
    char *line;

    while (count < max && (line = record_next(&text)))
        record_split(line, ret[count++].fields);
    return count;
}

char *
record_next(char **at)
{
    char *line = strsep(at, "\n");

    return line && *line ? line : NULL;
}
