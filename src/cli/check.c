#include "cli/check.h"

#include <stdio.h>
#include <string.h>

#include "cli/check_start.h"
#include "conf/schema/describe.h"
#include "process/exit.h"
#include "worker/setup.h"

static int
check_with_setup(const struct cli *cli, int (*then)(struct setup *setup, const struct cli *cli))
{
    struct setup setup;
    int r = setup_load(&setup, &cli->worker, NULL);
    int status = r < 0 ? EXIT_REFUSED : then(&setup, cli);

    if (r < 0)
        conf_errors_print(&setup.errors, stderr);
    setup_fini(&setup);
    return status;
}

static int
check_then_start(struct setup *setup, const struct cli *cli)
{
    int level = worker_options_level(&cli->worker, LOG_WARNING);

    return check_start(setup, level) < 0 ? EXIT_REFUSED : EXIT_OK;
}

int
check_config(const struct cli *cli)
{
    int status = check_with_setup(cli, check_then_start);

    if (status == EXIT_OK && cli->worker.verbosity >= 0)
        fprintf(stderr, "%s: OK\n", cli->worker.config_file);
    return status;
}

static int
check_then_dump(struct setup *setup, const struct cli *cli)
{
    int r = config_dump(setup->config, stdout);

    (void)cli;
    if (r < 0 && !ferror(stdout))
        fprintf(stderr, "goevd: cannot print the configuration: %s\n", err_words(r));
    return r < 0 ? EXIT_REFUSED : EXIT_OK;
}

int
check_dump(const struct cli *cli)
{
    return check_with_setup(cli, check_then_dump);
}

/* These two need no configuration, and are asked when there is none yet. */
static int
check_with_plugins(const struct cli *cli, int (*then)(struct plugins *p, const struct cli *cli))
{
    struct plugins plugins;
    struct err err = {0};
    int status;

    if (plugins_init(&plugins, cli->worker.plugin_dir, &err) < 0) {
        fprintf(stderr, "goevd: %s\n", err.text);
        return EXIT_REFUSED;
    }
    status = then(&plugins, cli);
    plugins_fini(&plugins);
    return status;
}

static int
check_then_list(struct plugins *p, const struct cli *cli)
{
    int r = plugins_list(p, stdout);

    (void)cli;
    if (r < 0)
        fprintf(stderr, "goevd: cannot list the plugins in %s: %s\n", p->dir, err_words(r));
    else if (r > 0)
        fprintf(stderr, "goevd: not every plugin in %s can be loaded\n", p->dir);
    return r == 0 ? EXIT_OK : EXIT_REFUSED;
}

int
check_list_plugins(const struct cli *cli)
{
    return check_with_plugins(cli, check_then_list);
}

static int
check_then_describe(struct plugins *p, const struct cli *cli)
{
    struct err err = {0};

    if (strcmp(cli->name, "goevd") == 0) {
        printf("goevd: the keys of its configuration\n");
        return conf_describe(stdout, &config_schema, 2) < 0 ? EXIT_REFUSED : EXIT_OK;
    }
    if (plugins_describe(p, cli->name, stdout, &err) == 0)
        return EXIT_OK;
    fprintf(stderr, "goevd: %s\n", err.text);
    return EXIT_REFUSED;
}

int
check_describe(const struct cli *cli)
{
    return check_with_plugins(cli, check_then_describe);
}
