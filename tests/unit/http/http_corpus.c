#include "unit/http/http_corpus.h"

#include <assert.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "../../http"

struct corpus {
    struct http_corpus_case now;
    FILE *to; /* the bytes of `now`; NULL before the first case of a file */
    int count;
    void (*fn)(void *arg, const struct http_corpus_case *c);
    void *arg;
};

static const char *corpus_repeat(FILE *to, const char *p);

/* Parse an escape behind a backslash. Returns its end. */
static const char *
corpus_escape(FILE *to, const char *p)
{
    unsigned byte;

    switch (*p) {
    case 'r':
        fputc('\r', to);
        return p + 1;
    case 'n':
        fputc('\n', to);
        return p + 1;
    case 't':
        fputc('\t', to);
        return p + 1;
    case '\\':
        fputc('\\', to);
        return p + 1;
    case 'x':
        assert(sscanf(p + 1, "%2x", &byte) == 1);
        fputc((int)byte, to);
        return p + 3;
    default:
        assert(*p == '{');
        return corpus_repeat(to, p + 1);
    }
}

/* Up to `stop`, the end of the line, or a backslash there. Returns where that is. */
static const char *
corpus_expand(FILE *to, const char *p, char stop)
{
    while (*p != '\0' && *p != stop && (p[0] != '\\' || p[1] != '\0')) {
        if (*p == '\\')
            p = corpus_escape(to, p + 1);
        else
            fputc(*p++, to);
    }
    return p;
}

/* N TEXT "}" */
static const char *
corpus_repeat(FILE *to, const char *p)
{
    char *text = NULL;
    size_t len = 0;
    char *space;
    unsigned long n = strtoul(p, &space, 10);
    FILE *once = open_memstream(&text, &len);

    assert(once != NULL && *space == ' ');
    p = corpus_expand(once, space + 1, '}');
    assert(*p == '}');
    fclose(once);
    while (n-- > 0)
        fwrite(text, 1, len, to);
    free(text);
    return p + 1;
}

static void
corpus_end_case(struct corpus *all)
{
    if (all->to == NULL)
        return;
    fclose(all->to);
    all->to = NULL;
    all->count++;
    all->fn(all->arg, &all->now);
    free(all->now.data);
}

static void
corpus_begin_case(struct corpus *all, const char *line)
{
    int n = sscanf(line, "== %63s | %*[^|] | %127[^\n]", all->now.name, all->now.verdict);

    if (n != 2)
        fprintf(stderr, "%s: %s\n", all->now.file, line);
    assert(n == 2);
    all->to = open_memstream(&all->now.data, &all->now.len);
    assert(all->to != NULL);
}

static void
corpus_line(struct corpus *all, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '#')
        return;
    if (strncmp(line, "== ", 3) == 0) {
        corpus_end_case(all);
        corpus_begin_case(all, line);
        return;
    }
    assert(all->to != NULL);
    if (*corpus_expand(all->to, line, '\0') == '\0')
        fputs("\r\n", all->to);
}

static void
corpus_file(struct corpus *all, const char *folder, const char *name)
{
    char path[4096 + 256 + 2];
    char *line = NULL;
    size_t room = 0;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    snprintf(all->now.file, sizeof(all->now.file), "%.63s", name);
    file = fopen(path, "r");
    assert(file != NULL);
    while (getline(&line, &room, file) >= 0)
        corpus_line(all, line);
    corpus_end_case(all);
    free(line);
    fclose(file);
}

static int
corpus_is_file(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0;
}

int
http_corpus_each(void (*fn)(void *arg, const struct http_corpus_case *c), void *arg)
{
    struct corpus all = {.fn = fn, .arg = arg};
    struct dirent **entries;
    char folder[4096];
    int count;

    snprintf(folder, sizeof(folder), "%.*s%s", (int)(strrchr(__FILE__, '/') - __FILE__ + 1),
             __FILE__, FOLDER);
    count = scandir(folder, &entries, corpus_is_file, alphasort);
    for (int i = 0; i < count; i++) {
        corpus_file(&all, folder, entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return all.count;
}
