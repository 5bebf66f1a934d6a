#include "basic_auth/users.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/file.h>

struct auth_users_file {
    struct goevd_self *self;
    const char *at;
    const char *path;
    size_t max; /* users allocated */
};

/* ---- Lines ----------------------------------------------------------------------------------- */

/* The error in a hash; NULL: it is valid. crypt(3) itself checks only the beginning. */
static const char *
auth_users_hash_problem(const char *hash)
{
    static const struct {
        const char *prefix;
        size_t len; /* length of the text behind the last "$" */
    } methods[] = {{"$2a$", 53}, {"$2b$", 53}, {"$2y$", 53}, {"$5$", 43},
                   {"$6$", 86},  {"$y$", 43},  {"$gy$", 43}, {"$7$", 43}};
    const char *last = strrchr(hash, '$');
    int known = crypt_checksalt(hash);

    /* some libraries report SHA-256 as a legacy method that new hashes should not use */
    if (known == CRYPT_SALT_OK || known == CRYPT_SALT_METHOD_LEGACY)
        for (size_t i = 0; last && i < sizeof(methods) / sizeof(methods[0]); i++)
            if (strncmp(hash, methods[i].prefix, strlen(methods[i].prefix)) == 0 &&
                strlen(last + 1) == methods[i].len)
                return NULL;
    if (known == CRYPT_SALT_METHOD_LEGACY)
        return "the method of the hash is too weak";
    return "the hash is not one of bcrypt, yescrypt or SHA-2 as in crypt(5); "
           "create it with \"htpasswd -B\" or mkpasswd";
}

static const char *
auth_users_line_problem(struct auth_user *user, char *line)
{
    char *colon = strchr(line, ':');

    if (strlen(line) > AUTH_USERS_LINE_MAX)
        return "the line is too long";
    for (const char *p = line; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return "there is a control character";
    if (!colon || colon == line)
        return "a line is NAME:HASH";
    *colon = '\0';
    user->name = line;
    user->hash = colon + 1;
    return auth_users_hash_problem(user->hash);
}

static int
auth_users_refuse(const struct auth_users_file *f, unsigned line, const char *words)
{
    return goevd_refuse(f->self, f->at, "%s:%u: %s", f->path, line, words);
}

static int
auth_users_push(struct auth_users *users, const struct auth_users_file *f, struct auth_user user)
{
    struct auth_user *all = users->all;

    if (users->count == f->max)
        return auth_users_refuse(f, user.line, "there are more users than users_max");
    if ((users->count & (users->count - 1)) == 0)
        all = reallocarray(all, users->count == 0 ? 1 : users->count * 2, sizeof(*all));
    if (!all)
        return -ENOMEM;
    users->all = all;
    users->all[users->count++] = user;
    return 0;
}

static int
auth_users_read_lines(struct auth_users *users, const struct auth_users_file *f)
{
    char *rest = users->text, *line;
    int r = 0;

    for (unsigned number = 1; r == 0 && (line = strsep(&rest, "\n")) != NULL; number++) {
        struct auth_user user = {.line = number};
        size_t len = strlen(line);
        const char *problem;

        if (len != 0 && line[len - 1] == '\r')
            line[len - 1] = '\0';
        if (line[0] == '\0' || line[0] == '#')
            continue;
        problem = auth_users_line_problem(&user, line);
        r = problem ? auth_users_refuse(f, number, problem) : auth_users_push(users, f, user);
    }
    return r;
}

static int
auth_users_open(struct auth_users *users, const struct auth_users_file *f)
{
    size_t n = 0;
    int r = goevd_file_read(f->self, f->path, f->max * (AUTH_USERS_LINE_MAX + 1), &users->text, &n);

    if (r == -EFBIG)
        return goevd_refuse(f->self, f->at, "%s is larger than users_max users can be", f->path);
    if (r < 0 && r != -ENOMEM)
        return goevd_refuse(f->self, f->at, "%s: %s", f->path, strerror(-r));
    if (n > 0 && memchr(users->text, '\0', n))
        return goevd_refuse(f->self, f->at, "%s: there is a NUL in it", f->path);
    return r;
}

/* ---- The file -------------------------------------------------------------------------------- */

static int
auth_users_compare(const void *a, const void *b)
{
    const struct auth_user *x = a, *y = b;
    int r = strcmp(x->name, y->name);

    return r != 0 ? r : (x->line > y->line) - (x->line < y->line);
}

static int
auth_users_sort(struct auth_users *users, const struct auth_users_file *f)
{
    if (users->count == 0)
        return goevd_refuse(f->self, f->at, "%s: there are no users in it", f->path);
    qsort(users->all, users->count, sizeof(*users->all), auth_users_compare);
    for (size_t i = 1; i < users->count; i++)
        if (strcmp(users->all[i - 1].name, users->all[i].name) == 0)
            return auth_users_refuse(f, users->all[i].line, "an earlier line has that name");
    return 0;
}

int
auth_users_init(struct auth_users *users, struct goevd_self *self, const char *at, const char *path,
                size_t max)
{
    const struct auth_users_file f = {self, at, path, max};
    int r;

    *users = (struct auth_users){0};
    r = auth_users_open(users, &f);
    if (r == 0)
        r = auth_users_read_lines(users, &f);
    return r < 0 ? r : auth_users_sort(users, &f);
}

void
auth_users_fini(struct auth_users *users)
{
    free(users->all);
    free(users->text);
    *users = (struct auth_users){0};
}

static int
auth_users_compare_name(const void *name, const void *user)
{
    return strcmp(name, ((const struct auth_user *)user)->name);
}

const struct auth_user *
auth_users_find(const struct auth_users *users, const char *name)
{
    return bsearch(name, users->all, users->count, sizeof(*users->all), auth_users_compare_name);
}
