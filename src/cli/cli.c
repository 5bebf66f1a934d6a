#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

enum {
    OPTION_LIST_PLUGINS = 256,
    OPTION_DESCRIBE,
    OPTION_PLUGIN_DIR,
    OPTION_SINGLE,
    OPTION_STRICT,
    OPTION_WORKER,
    OPTION_JSON,
    OPTION_LISTENER,
    OPTION_ALL,
    OPTION_KIND,
};

static const struct option cli_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"check", no_argument, NULL, 't'},
    {"dump", no_argument, NULL, 'T'},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {"list-plugins", no_argument, NULL, OPTION_LIST_PLUGINS},
    {"describe", required_argument, NULL, OPTION_DESCRIBE},
    {"plugin-dir", required_argument, NULL, OPTION_PLUGIN_DIR},
    {"single", no_argument, NULL, OPTION_SINGLE},
    {"strict", no_argument, NULL, OPTION_STRICT},
    {"worker", required_argument, NULL, OPTION_WORKER},
    {"socket", required_argument, NULL, 's'},
    {"json", no_argument, NULL, OPTION_JSON},
    {"listener", required_argument, NULL, OPTION_LISTENER},
    {"all", no_argument, NULL, OPTION_ALL},
    {"kind", required_argument, NULL, OPTION_KIND},
    {"times", required_argument, NULL, 'n'},
    {0},
};

void
cli_print_help(void)
{
    fputs("Usage: goevd [-c FILE] [OPTION]...\n"
          "       goevd ctl [-s PATH | -c FILE] COMMAND [--json]\n"
          "       goevd plugin new NAME [--kind KIND]\n"
          "       goevd plugin check FILE | test DIR [--plugin-dir DIR] | headers | folder\n"
          "Serve TCP and HTTP as FILE says, with handlers from plugins.\n"
          "\n"
          "  -c, --config FILE      the configuration (" CLI_CONFIG_DEFAULT ")\n"
          "  -t, --check            check the configuration and its plugins' options, and exit\n"
          "  -T, --dump             print the configuration with every default, and exit\n"
          "      --list-plugins     list the plugins that can be loaded, and exit\n"
          "      --describe NAME    describe the options of a plugin, or of goevd, and exit\n"
          "      --plugin-dir DIR   where plugins are, whatever the configuration says\n"
          "      --single           serve in this process, without a supervisor (for debuggers)\n"
          "      --strict           end where a plugin breaks a rule, and say which (for authors)\n"
          "  -q, --quiet            log less; twice: errors only\n"
          "  -v, --verbose          log more; twice: everything\n"
          "  -s, --socket PATH      of ctl: the control socket, whatever the configuration says\n"
          "      --json             of ctl status, stats, connections, certificates and settings: JSON\n"
          "      --all              of ctl stats: what is 0 too\n"
          "      --listener NAME    of ctl connections: only those of this listener\n"
          "  -n, --times COUNT      of ctl top: print so many texts, a second apart\n"
          "      --kind KIND        of plugin new: stream, http or websocket\n"
          "  -V, --version          print the version, and exit\n"
          "  -h, --help             print this, and exit\n"
          "\n"
          "Commands of ctl: status, top, stats, connections, certificates, settings, set NAME VALUE,\n"
          "unset NAME, reload, reopen, stop.\n"
          "SIGTERM and SIGINT stop goevd in order, a second one at once. SIGHUP lets a new worker\n"
          "take over, with the configuration, the plugins and the binary now on disk. SIGUSR1\n"
          "opens the log file anew. See goevd(8).\n",
          stdout);
}

static int
cli_parse_fd(const char *text, int *ret)
{
    char *end;
    long fd = strtol(text, &end, 10);

    if (*end || end == text || fd < 3 || fd > 1 << 20) {
        fprintf(stderr, "goevd: --worker is for goevd's own use\n");
        return -EINVAL;
    }
    *ret = (int)fd;
    return 0;
}

static int
cli_parse_times(const char *text, unsigned *ret)
{
    char *end;
    unsigned long times = strtoul(text, &end, 10);

    if (*end || end == text || *text == '-' || times < 1 || times > 1000000) {
        fprintf(stderr, "goevd: --times takes a number from 1 to 1000000\n");
        return -EINVAL;
    }
    *ret = (unsigned)times;
    return 0;
}

static int
cli_refuse(const char *words, const char *which)
{
    fprintf(stderr, "goevd: %s%s\nTry 'goevd --help'.\n", words, which);
    return -EINVAL;
}

/* Only one thing can be done; help is given whatever else was asked for. */
static int
cli_choose(struct cli *cli, enum cli_mode mode)
{
    static const char *const flags[] = {
        [CLI_SINGLE] = "--single",
        [CLI_WORKER] = "--worker",
        [CLI_CHECK] = "--check",
        [CLI_DUMP] = "--dump",
        [CLI_LIST_PLUGINS] = "--list-plugins",
        [CLI_DESCRIBE] = "--describe",
        [CLI_VERSION] = "--version",
    };
    char words[64];

    if (cli->mode == CLI_HELP)
        return 0;
    if (cli->mode != CLI_RUN && mode != CLI_HELP && mode != cli->mode) {
        snprintf(words, sizeof(words), "%s and %s", flags[cli->mode], flags[mode]);
        return cli_refuse(words, " are two things to do; give one of them");
    }
    cli->mode = mode;
    return 0;
}

static int
cli_take(struct cli *cli, int option)
{
    switch (option) {
    case 'c':
        cli->worker.config_file = optarg;
        return 0;
    case 't':
        return cli_choose(cli, CLI_CHECK);
    case 'T':
        return cli_choose(cli, CLI_DUMP);
    case 'q':
        cli->worker.verbosity--;
        return 0;
    case 'v':
        cli->worker.verbosity++;
        return 0;
    case 'V':
        return cli_choose(cli, CLI_VERSION);
    case 'h':
        return cli_choose(cli, CLI_HELP);
    case OPTION_LIST_PLUGINS:
        return cli_choose(cli, CLI_LIST_PLUGINS);
    case OPTION_DESCRIBE:
        cli->name = optarg;
        return cli_choose(cli, CLI_DESCRIBE);
    case OPTION_PLUGIN_DIR:
        cli->worker.plugin_dir = optarg;
        return 0;
    case OPTION_SINGLE:
        return cli_choose(cli, CLI_SINGLE);
    case OPTION_STRICT:
        cli->worker.strict = true;
        return 0;
    case 's':
        cli->socket = optarg;
        return 0;
    case OPTION_JSON:
        cli->json = true;
        return 0;
    case OPTION_LISTENER:
        cli->listener = optarg;
        return 0;
    case OPTION_ALL:
        cli->all = true;
        return 0;
    case 'n':
        return cli_parse_times(optarg, &cli->times);
    case OPTION_KIND:
        cli->kind = optarg;
        return 0;
    case OPTION_WORKER:
        return cli_parse_fd(optarg, &cli->worker.parent_fd) < 0 ? -EINVAL
                                                                : cli_choose(cli, CLI_WORKER);
    default: /* getopt_long(3) has printed the fault */
        fprintf(stderr, "Try 'goevd --help'.\n");
        return -EINVAL;
    }
}

/* The first flag given that only this word has a use for; NULL. */
static const char *
cli_stray_flag(const struct cli *cli)
{
    if (cli->mode != CLI_CTL && (cli->socket || cli->json || cli->listener || cli->all || cli->times))
        return cli->socket ? "--socket is for goevd ctl"
               : cli->json ? "--json is for goevd ctl"
               : cli->all  ? "--all is for goevd ctl"
               : cli->times ? "--times is for goevd ctl top"
                           : "--listener is for goevd ctl";
    if (cli->mode != CLI_PLUGIN && cli->kind)
        return "--kind is for goevd plugin new";
    return NULL;
}

/* The arguments without flags: none, or ctl or plugin and its command. */
static int
cli_take_words(struct cli *cli, int count, char **words)
{
    bool ctl = count > 0 && strcmp(words[0], "ctl") == 0 && cli->mode == CLI_RUN;
    bool plugin = count > 0 && strcmp(words[0], "plugin") == 0 && cli->mode == CLI_RUN;
    const char *stray;

    if (cli->mode == CLI_HELP)
        return 0;
    if (count == 1 && (ctl || plugin))
        return cli_refuse(words[0], ctl ? " needs a command, such as status"
                                        : " needs a command: new, check, test, headers or folder");
    if (count > 0 && !ctl && !plugin) {
        fprintf(stderr, "goevd: unexpected argument '%s'\n", words[0]);
        fprintf(stderr, "Try 'goevd --help'.\n");
        return -EINVAL;
    }
    if (count > 0) {
        cli->mode = ctl ? CLI_CTL : CLI_PLUGIN;
        cli->args = words + 1;
        cli->arg_count = count - 1;
    }
    stray = cli_stray_flag(cli);
    return stray ? cli_refuse(stray, "") : 0;
}

int
cli_parse(int argc, char **argv, struct cli *ret)
{
    struct cli cli = {.worker = {.config_file = CLI_CONFIG_DEFAULT,
                                 .strict = CLI_STRICT_DEFAULT,
                                 .parent_fd = -1}};
    int option, r;

    while ((option = getopt_long(argc, argv, "c:s:n:tTqvVh", cli_options, NULL)) != -1) {
        r = cli_take(&cli, option);
        if (r < 0)
            return r;
    }
    r = cli_take_words(&cli, argc - optind, argv + optind);
    if (r < 0)
        return r;
    *ret = cli;
    return 0;
}
