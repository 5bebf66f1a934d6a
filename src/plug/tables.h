/* The functions that plugins are given: the table of goevd/plugin.h and those of the optional
 * headers, which it points to. */
#pragma once

#include <goevd/cache.h>
#include <goevd/cidr.h>
#include <goevd/conn.h>
#include <goevd/connect.h>
#include <goevd/file.h>
#include <goevd/framing.h>
#include <goevd/hosting.h>
#include <goevd/logfile.h>
#include <goevd/metrics.h>
#include <goevd/plugin.h>
#include <goevd/poller.h>
#include <goevd/pool.h>
#include <goevd/proxy.h>
#include <goevd/threads.h>
#include <goevd/work.h>
#include <goevd/tls.h>
#include <goevd/worker.h>

struct host_tables {
    struct goevd_host core;
    struct goevd_host_conn conn;
    struct goevd_host_framing framing;
    struct goevd_host_threads threads;
    struct goevd_host_work work;
    struct goevd_host_cache cache;
    struct goevd_host_poller poller;
    struct goevd_host_connect connect;
    struct goevd_host_pool pool;
    struct goevd_host_metrics metrics;
    struct goevd_host_logfile logfile;
    struct goevd_host_proxy proxy;
    struct goevd_host_cidr cidr;
    struct goevd_host_worker worker;
    struct goevd_host_hosting hosting;
    struct goevd_host_file file;
    struct goevd_host_tls tls;
};

/* Without checks; host.c. */
extern const struct host_tables host_tables;
