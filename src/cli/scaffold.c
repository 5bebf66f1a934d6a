#include "cli/scaffold.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plug/loader/folder.h"
#include "process/exit.h"

/* ---- Checking -------------------------------------------------------------------------------- */

struct checking {
    const char *dir;
    unsigned good, wrong;
};

static int
scaffold_check_one(const char *name, void *arg)
{
    struct checking *checking = arg;
    struct err err = {0};
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s.so", checking->dir, name);
    if (scaffold_check(path, &err) == 0) {
        checking->good++;
        return 0;
    }
    fprintf(stderr, "goevd: %s\n", err.text);
    checking->wrong++;
    return 0;
}

static int
scaffold_check_all(const char *dir, struct err *reterr)
{
    struct checking checking = {.dir = dir};
    int r = folder_each(dir, scaffold_check_one, &checking);

    if (r < 0)
        return err_set_errno(reterr, r, "cannot look into %s", dir);
    if (checking.wrong > 0)
        return err_set(reterr, -ELIBBAD, "not every plugin in %s can be loaded", dir);
    if (checking.good == 0)
        return err_set(reterr, -ENOENT,
                       "no plugin in %s; build it first, or name its folder with "
                       "--plugin-dir",
                       dir);
    return 0;
}

/* ---- Commands -------------------------------------------------------------------------------- */

static int
scaffold_do_new(const struct cli *cli, const char *name, struct err *reterr)
{
    return scaffold_new(name, cli->kind ? cli->kind : "stream", reterr);
}

static int
scaffold_do_check(const struct cli *cli, const char *file, struct err *reterr)
{
    (void)cli;
    return scaffold_check(file, reterr);
}

static int
scaffold_do_test(const struct cli *cli, const char *dir, struct err *reterr)
{
    const char *plugin_dir = cli->worker.plugin_dir ? cli->worker.plugin_dir : dir;
    int r = scaffold_check_all(plugin_dir, reterr);

    return r < 0 ? r : scaffold_test(dir, plugin_dir, reterr);
}

static int
scaffold_do_headers(const struct cli *cli, const char *what, struct err *reterr)
{
    (void)cli, (void)what;
    return scaffold_headers(reterr);
}

static int
scaffold_do_folder(const struct cli *cli, const char *what, struct err *reterr)
{
    (void)cli, (void)what;
    return scaffold_folder(reterr);
}

static const struct {
    const char *name;
    const char *needs; /* NULL: nothing */
    int (*run)(const struct cli *cli, const char *what, struct err *reterr);
} scaffold_commands[] = {
    {"new", "a name", scaffold_do_new},
    {"check", "the file of a plugin", scaffold_do_check},
    {"test", "the folder of a plugin", scaffold_do_test},
    {"headers", NULL, scaffold_do_headers},
    {"folder", NULL, scaffold_do_folder},
};

static int
scaffold_do(const struct cli *cli, struct err *reterr)
{
    for (size_t i = 0; i < ARRAY_LEN(scaffold_commands); i++) {
        if (strcmp(cli->args[0], scaffold_commands[i].name) != 0)
            continue;
        if (cli->arg_count != (scaffold_commands[i].needs ? 2 : 1))
            return err_set(reterr, -EINVAL, "plugin %s needs %s", scaffold_commands[i].name,
                           scaffold_commands[i].needs ? scaffold_commands[i].needs
                                                      : "nothing else");
        return scaffold_commands[i].run(cli, cli->args[1], reterr);
    }
    return err_set(reterr, -EINVAL,
                   "plugin: no command '%s'; there are new, check, test, headers and folder",
                   cli->args[0]);
}

int
scaffold_run(const struct cli *cli)
{
    struct err err = {0};

    if (scaffold_do(cli, &err) == 0)
        return EXIT_OK;
    fprintf(stderr, "goevd: %s\n", err.text);
    return EXIT_REFUSED;
}
