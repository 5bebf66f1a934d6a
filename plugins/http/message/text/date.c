#include "http/message/text/date.h"

#include <stdio.h>
#include <time.h>

#include "http/message/util.h"

#define DATE_LAST INT64_C(253402300799) /* 9999-12-31 23:59:59 */

void
http_date_format(int64_t seconds, char ret_date[HTTP_DATE_LEN])
{
    /* strftime(3) is not used because its names depend on the locale */
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t t = (time_t)MAX(0, MIN(seconds, DATE_LAST));
    char text[128];
    struct tm tm;

    gmtime_r(&t, &tm);
    snprintf(text, sizeof(text), "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", &days[tm.tm_wday * 3L],
             tm.tm_mday, &months[tm.tm_mon * 3L], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
             tm.tm_sec);
    memcpy(ret_date, text, HTTP_DATE_LEN);
}
