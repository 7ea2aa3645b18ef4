"""A made-up table of the shape of ClickBench's `hits`, one row a view of a page, and ClickBench's 43 questions to it.

The names and types of the 105 columns are ClickBench's, the rows are not: they come of hashes of their numbers, always the same ones,
skewed as such logs are (few sites, pages and users have most rows; most texts are empty), and lie as those of ClickBench do, by site and
day. The questions are ClickBench's in their order. What is adapted to this table: the numbers that a question looks for are of its rows;
`> 100000` and OFFSETs are a share of its size; and where a LIMIT could take this row or that one, the order says which."""

# `i` is a number, of a row or of what it is of, `n` tells apart what is made of it.
MACROS = """
CREATE OR REPLACE MACRO h(i, n) AS hash(i * 1000 + n);
CREATE OR REPLACE MACRO u(i, n) AS (hash(i * 1000 + n) % 1000003) / 1000003.0;
CREATE OR REPLACE MACRO big(i, n) AS (hash(i * 1000 + n) // 2)::BIGINT;
CREATE OR REPLACE MACRO whole(i, n, most) AS (hash(i * 1000 + n) % most)::BIGINT;
CREATE OR REPLACE MACRO seldom(i, n, share, value) AS CASE WHEN u(i, n) < share THEN value ELSE 0 END;
CREATE OR REPLACE MACRO named(i, n, share, value) AS CASE WHEN u(i, n) < share THEN value ELSE '' END;
CREATE OR REPLACE MACRO one_of(i, n, count, texts) AS split_part(texts, ' ', 1 + whole(i, n, count));
CREATE OR REPLACE MACRO word(i, n) AS one_of(i, n, 16, 'buy cheap city driving film garden house job lesson map news photo recipe used video year');
CREATE OR REPLACE MACRO words(i, n) AS word(i, n) || ' ' || word(i, n + 1) || ' ' || word(i, n + 2) || ' ' || (hash(i) % 1000);
CREATE OR REPLACE MACRO address(site, page) AS 'http://' || CASE WHEN page % 900 = 7 THEN 'www.google.com/url?q=' ELSE
    'site' || site || '.example.ru/' END || word(page, 11) || '/' || word(page, 12) || '/page' || page || '.html';
"""

# Sites, moments, users, pages and where their readers came from, the few with small numbers far more often than the others.
SEED = """
SELECT i, CASE WHEN u(i, 1) < 0.02 THEN 62 ELSE 1 + 7 * floor(pow(u(i, 2), 4) * 6000)::INT END AS site,
    TIMESTAMP '2013-07-01' + to_seconds(floor(u(i, 3) * 31 * 86400)::BIGINT) AS moment,
    floor(pow(u(i, 4), 2.5) * {rows} / 5)::BIGINT AS visitor, floor(pow(u(i, 5), 4) * {rows} / 8)::BIGINT AS page,
    floor(pow(u(i, 6), 5) * {rows} / 10)::BIGINT AS origin, u(i, 7) < 0.131 AS searched
FROM range({rows}) AS r(i)
"""

SMALL, WHOLE, BIG, TEXT, TIME, DAY = "SMALLINT", "INTEGER", "BIGINT", "VARCHAR", "TIMESTAMP", "DATE"

# Each over a row of `SEED`.
COLUMNS = [
    ("WatchID", BIG, "big(i, 20)"),
    ("JavaEnable", SMALL, "whole(visitor, 21, 2)"),
    ("Title", TEXT, "named(page, 22, 0.85, words(page, 23) || CASE WHEN page % 700 = 3 THEN ' - Google' ELSE '' END)"),
    ("GoodEvent", SMALL, "1"),
    ("EventTime", TIME, "moment"),
    ("EventDate", DAY, "moment"),
    ("CounterID", WHOLE, "site"),
    ("ClientIP", WHOLE, "whole(visitor, 26, 4000000000) - 2000000000"),
    ("RegionID", WHOLE, "floor(pow(u(visitor, 27), 3) * 9000)"),
    ("UserID", BIG, "big(visitor, 28)"),
    ("CounterClass", SMALL, "whole(site, 29, 3) - 1"),
    ("OS", SMALL, "whole(visitor, 30, 90)"),
    ("UserAgent", SMALL, "whole(visitor, 31, 80)"),
    ("URL", TEXT, "address(site, page)"),
    ("Referer", TEXT, "named(i, 32, 0.81, address(1 + origin % 40, origin))"),
    ("IsRefresh", SMALL, "seldom(i, 33, 0.13, 1)"),
    ("RefererCategoryID", SMALL, "seldom(origin, 34, 0.3, whole(origin, 35, 16000))"),
    ("RefererRegionID", WHOLE, "seldom(origin, 36, 0.3, whole(origin, 37, 9000))"),
    ("URLCategoryID", SMALL, "seldom(page, 38, 0.4, whole(page, 39, 16000))"),
    ("URLRegionID", WHOLE, "seldom(page, 40, 0.4, whole(page, 41, 9000))"),
    ("ResolutionWidth", SMALL, "one_of(visitor, 42, 10, '1024 1280 1366 1368 1440 1600 1638 1680 1920 0')"),
    ("ResolutionHeight", SMALL, "one_of(visitor, 42, 10, '768 800 768 769 900 900 1024 1050 1080 0')"),
    ("ResolutionDepth", SMALL, "one_of(visitor, 43, 5, '24 24 32 16 0')"),
    ("FlashMajor", SMALL, "whole(visitor, 44, 12)"),
    ("FlashMinor", SMALL, "whole(visitor, 45, 8)"),
    ("FlashMinor2", TEXT, "named(visitor, 46, 0.7, whole(visitor, 47, 800)::VARCHAR)"),
    ("NetMajor", SMALL, "whole(visitor, 48, 5)"),
    ("NetMinor", SMALL, "whole(visitor, 49, 3)"),
    ("UserAgentMajor", SMALL, "whole(visitor, 50, 40)"),
    ("UserAgentMinor", TEXT, "one_of(visitor, 51, 5, ' D0 0 MC 9a')"),
    ("CookieEnable", SMALL, "1"),
    ("JavascriptEnable", SMALL, "1"),
    ("IsMobile", SMALL, "(u(visitor, 52) < 0.06)::INT"),
    ("MobilePhone", SMALL, "seldom(visitor, 52, 0.06, whole(visitor, 53, 120))"),
    ("MobilePhoneModel", TEXT, "named(visitor, 52, 0.05, one_of(visitor, 54, 4, 'iPhone iPad GT-I9 Lumia') || whole(visitor, 55, 40))"),
    ("Params", TEXT, "''"),
    ("IPNetworkID", WHOLE, "whole(visitor, 56, 4000000)"),
    ("TraficSourceID", SMALL, "one_of(i, 57, 10, '-1 0 1 2 3 4 5 6 7 8')"),
    ("SearchEngineID", SMALL, "CASE WHEN searched THEN 1 + whole(i, 58, 90) ELSE 0 END"),
    ("SearchPhrase", TEXT, "CASE WHEN searched THEN words(origin, 59) ELSE '' END"),
    ("AdvEngineID", SMALL, "seldom(i, 60, 0.0063, one_of(i, 61, 7, '2 2 2 13 45 52 61')::SMALLINT)"),
    ("IsArtifical", SMALL, "0"),
    ("WindowClientWidth", SMALL, "600 + whole(visitor, 62, 1300)"),
    ("WindowClientHeight", SMALL, "400 + whole(visitor, 63, 700)"),
    ("ClientTimeZone", SMALL, "one_of(visitor, 64, 6, '0 120 180 240 300 420')"),
    ("ClientEventTime", TIME, "moment + to_seconds(whole(i, 65, 600))"),
    ("SilverlightVersion1", SMALL, "seldom(visitor, 66, 0.5, 5)"),
    ("SilverlightVersion2", SMALL, "seldom(visitor, 66, 0.5, 1)"),
    ("SilverlightVersion3", WHOLE, "seldom(visitor, 66, 0.5, whole(visitor, 67, 61119))"),
    ("SilverlightVersion4", SMALL, "0"),
    ("PageCharset", TEXT, "one_of(site, 68, 4, 'utf-8 windows-1251 utf-8 ')"),
    ("CodeVersion", WHOLE, "whole(site, 69, 400)"),
    ("IsLink", SMALL, "seldom(i, 70, 0.08, 1)"),
    ("IsDownload", SMALL, "seldom(i, 71, 0.01, 1)"),
    ("IsNotBounce", SMALL, "seldom(i, 72, 0.4, 1)"),
    ("FUniqID", BIG, "seldom(visitor, 73, 0.7, big(visitor, 74))"),
    ("OriginalURL", TEXT, "named(i, 75, 0.12, address(site, page))"),
    ("HID", WHOLE, "whole(i, 76, 1073741823)"),
    ("IsOldCounter", SMALL, "0"),
    ("IsEvent", SMALL, "0"),
    ("IsParameter", SMALL, "0"),
    ("DontCountHits", SMALL, "seldom(i, 77, 0.06, 1)"),
    ("WithHash", SMALL, "0"),
    ("HitColor", TEXT, "one_of(i, 78, 4, 'E S g D')"),
    ("LocalEventTime", TIME, "moment + INTERVAL 4 HOUR"),
    ("Age", SMALL, "one_of(visitor, 79, 7, '0 16 22 26 31 39 50')"),
    ("Sex", SMALL, "whole(visitor, 80, 3)"),
    ("Income", SMALL, "whole(visitor, 81, 4)"),
    ("Interests", SMALL, "whole(visitor, 82, 32000)"),
    ("Robotness", SMALL, "seldom(visitor, 83, 0.02, 1)"),
    ("RemoteIP", WHOLE, "whole(visitor, 84, 4000000000) - 2000000000"),
    ("WindowName", WHOLE, "whole(i, 85, 65000) - 1"),
    ("OpenerName", WHOLE, "whole(i, 86, 65000) - 1"),
    ("HistoryLength", SMALL, "whole(i, 87, 50) - 1"),
    ("BrowserLanguage", TEXT, "one_of(visitor, 88, 4, 'ru en uk tr')"),
    ("BrowserCountry", TEXT, "one_of(visitor, 89, 4, 'RU US UA TR')"),
    ("SocialNetwork", TEXT, "''"),
    ("SocialAction", TEXT, "''"),
    ("HTTPError", SMALL, "0"),
    ("SendTiming", WHOLE, "seldom(i, 90, 0.3, whole(i, 91, 3000))"),
    ("DNSTiming", WHOLE, "seldom(i, 90, 0.3, whole(i, 92, 300))"),
    ("ConnectTiming", WHOLE, "seldom(i, 90, 0.3, whole(i, 93, 500))"),
    ("ResponseStartTiming", WHOLE, "seldom(i, 90, 0.3, whole(i, 94, 2000))"),
    ("ResponseEndTiming", WHOLE, "seldom(i, 90, 0.3, whole(i, 95, 4000))"),
    ("FetchTiming", WHOLE, "seldom(i, 90, 0.3, whole(i, 96, 5000))"),
    ("SocialSourceNetworkID", SMALL, "seldom(i, 97, 0.01, whole(i, 98, 40))"),
    ("SocialSourcePage", TEXT, "''"),
    ("ParamPrice", BIG, "0"),
    ("ParamOrderID", TEXT, "''"),
    ("ParamCurrency", TEXT, "'NH' || chr(28)"),
    ("ParamCurrencyID", SMALL, "0"),
    ("OpenstatServiceName", TEXT, "named(i, 99, 0.01, word(i, 100))"),
    ("OpenstatCampaignID", TEXT, "named(i, 99, 0.01, whole(i, 101, 9000000)::VARCHAR)"),
    ("OpenstatAdID", TEXT, "named(i, 99, 0.01, whole(i, 102, 90000000)::VARCHAR)"),
    ("OpenstatSourceID", TEXT, "named(i, 99, 0.01, word(i, 103))"),
    ("UTMSource", TEXT, "named(i, 104, 0.03, word(i, 105))"),
    ("UTMMedium", TEXT, "named(i, 104, 0.03, one_of(i, 106, 3, 'cpc email banner'))"),
    ("UTMCampaign", TEXT, "named(i, 104, 0.03, words(i % 5000, 107))"),
    ("UTMContent", TEXT, "named(i, 104, 0.01, whole(i, 108, 90000000)::VARCHAR)"),
    ("UTMTerm", TEXT, "named(i, 104, 0.01, words(i % 9000, 109))"),
    ("FromTag", TEXT, "named(i, 110, 0.005, word(i, 111))"),
    ("HasGCLID", SMALL, "seldom(i, 112, 0.01, 1)"),
    ("RefererHash", BIG, "big(origin, 113)"),
    ("URLHash", BIG, "big(page, 114)"),
    ("CLID", WHOLE, "0"),
]


def make(connection, rows):
    """The table `hits`, by site, day, user and moment."""
    connection.execute(MACROS)
    columns = ", ".join(f"({sql})::{kind} AS {name}" for name, kind, sql in COLUMNS)
    order = "CounterID, EventDate, UserID, EventTime, WatchID"
    connection.execute(f"CREATE TABLE hits AS SELECT {columns} FROM ({SEED.format(rows=rows)}) ORDER BY {order}")


def queries(connection, rows):
    """The 43 questions, over a table of so many rows that `connection` has."""
    often = rows // 1000
    value = lambda sql: connection.execute(sql).fetchone()[0]
    user = value("SELECT min(UserID) FROM hits WHERE CounterID = 62")
    of_site = "FROM hits WHERE CounterID = 62 AND IsRefresh = 0 AND EventDate"
    referer = value(f"SELECT mode(RefererHash) {of_site} IS NOT NULL AND TraficSourceID IN (-1, 6)")
    url = value(f"SELECT mode(URLHash) {of_site} IS NOT NULL AND DontCountHits = 0")
    july = f"{of_site} BETWEEN DATE '2013-07-01' AND DATE '2013-07-31'"
    most = lambda column, condition, by: f"SELECT {column} FROM hits {condition} GROUP BY {by} ORDER BY"
    searched, phone = "WHERE SearchPhrase <> ''", "WHERE MobilePhoneModel <> ''"
    linked, titled = f"{searched} AND URL LIKE '%google%'", f"{searched} AND Title LIKE '%Google%' AND URL NOT LIKE '%.google.%'"
    users, by_address = "count(DISTINCT UserID) AS u", "count(*) AS c, sum(IsRefresh), avg(ResolutionWidth)"
    host = r"regexp_replace(Referer, '^https?://(?:www\.)?([^/]+)/.*$', '\1')"
    less = ", ".join(f"ClientIP - {n} AS less_{n}" for n in (1, 2, 3))
    return [
        "SELECT count(*) FROM hits",
        "SELECT count(*) FROM hits WHERE AdvEngineID <> 0",
        "SELECT sum(AdvEngineID), count(*), avg(ResolutionWidth) FROM hits",
        "SELECT avg(UserID) FROM hits",
        "SELECT count(DISTINCT UserID) FROM hits",
        "SELECT count(DISTINCT SearchPhrase) FROM hits",
        "SELECT min(EventDate), max(EventDate) FROM hits",
        f"{most('AdvEngineID, count(*) AS c', 'WHERE AdvEngineID <> 0', 'AdvEngineID')} c DESC",
        f"{most(f'RegionID, {users}', '', 'RegionID')} u DESC, RegionID LIMIT 10",
        f"{most(f'RegionID, sum(AdvEngineID), count(*) AS c, avg(ResolutionWidth), {users}', '', 'RegionID')} c DESC, RegionID LIMIT 10",
        f"{most(f'MobilePhoneModel, {users}', phone, 'ALL')} u DESC, MobilePhoneModel LIMIT 10",
        f"{most(f'MobilePhone, MobilePhoneModel, {users}', phone, 'ALL')} u DESC, 1, 2 LIMIT 10",
        f"{most('SearchPhrase, count(*) AS c', searched, 'SearchPhrase')} c DESC, SearchPhrase LIMIT 10",
        f"{most(f'SearchPhrase, {users}', searched, 'SearchPhrase')} u DESC, SearchPhrase LIMIT 10",
        f"{most('SearchEngineID, SearchPhrase, count(*) AS c', searched, '1, 2')} c DESC, 1, 2 LIMIT 10",
        f"{most('UserID, count(*) AS c', '', 'UserID')} c DESC, UserID LIMIT 10",
        f"{most('UserID, SearchPhrase, count(*) AS c', '', '1, 2')} c DESC, 1, 2 LIMIT 10",
        f"{most('UserID, SearchPhrase, count(*)', '', '1, 2')} 1, 2 LIMIT 10",
        f"{most('UserID, extract(minute FROM EventTime) AS m, SearchPhrase, count(*) AS c', '', '1, 2, 3')} c DESC, 1, 2, 3 LIMIT 10",
        f"SELECT UserID FROM hits WHERE UserID = {user}",
        "SELECT count(*) FROM hits WHERE URL LIKE '%google%'",
        f"{most('SearchPhrase, min(URL), count(*) AS c', linked, '1')} c DESC, 1 LIMIT 10",
        f"{most(f'SearchPhrase, min(URL), min(Title), count(*) AS c, {users}', titled, '1')} c DESC, 1 LIMIT 10",
        "SELECT * FROM hits WHERE URL LIKE '%google%' ORDER BY EventTime, WatchID LIMIT 10",
        f"SELECT SearchPhrase FROM hits {searched} ORDER BY EventTime, WatchID LIMIT 10",
        f"SELECT SearchPhrase FROM hits {searched} ORDER BY SearchPhrase LIMIT 10",
        f"SELECT SearchPhrase FROM hits {searched} ORDER BY EventTime, SearchPhrase LIMIT 10",
        f"SELECT CounterID, avg(strlen(URL)) AS l, count(*) AS c FROM hits WHERE URL <> '' GROUP BY 1 HAVING c > {often} ORDER BY l DESC, 1 LIMIT 25",
        f"SELECT {host} AS k, avg(strlen(Referer)) AS l, count(*) AS c, min(Referer) FROM hits WHERE Referer <> '' GROUP BY k HAVING c > {often}"
        " ORDER BY l DESC, k LIMIT 25",
        f"SELECT {', '.join(f'sum(ResolutionWidth + {n})' for n in range(90))} FROM hits",
        f"{most(f'SearchEngineID, ClientIP, {by_address}', searched, '1, 2')} c DESC, 1, 2 LIMIT 10",
        f"{most(f'WatchID, ClientIP, {by_address}', searched, '1, 2')} c DESC, 1, 2 LIMIT 10",
        f"{most(f'WatchID, ClientIP, {by_address}', '', '1, 2')} c DESC, 1, 2 LIMIT 10",
        f"{most('URL, count(*) AS c', '', 'URL')} c DESC, URL LIMIT 10",
        f"{most('1 AS one, URL, count(*) AS c', '', '1, 2')} c DESC, URL LIMIT 10",
        f"{most(f'ClientIP, {less}, count(*) AS c', '', 'ALL')} c DESC, ClientIP LIMIT 10",
        f"SELECT URL, count(*) AS views {july} AND DontCountHits = 0 AND URL <> '' GROUP BY 1 ORDER BY views DESC, 1 LIMIT 10",
        f"SELECT Title, count(*) AS views {july} AND DontCountHits = 0 AND Title <> '' GROUP BY 1 ORDER BY views DESC, 1 LIMIT 10",
        f"SELECT URL, count(*) AS views {july} AND IsLink <> 0 AND IsDownload = 0 GROUP BY 1 ORDER BY views DESC, 1 LIMIT 10 OFFSET {often // 20}",
        f"SELECT TraficSourceID, SearchEngineID, AdvEngineID, if(SearchEngineID = 0 AND AdvEngineID = 0, Referer, '') AS src, URL AS dst,"
        f" count(*) AS views {july} GROUP BY 1, 2, 3, 4, 5 ORDER BY views DESC, 1, 2, 3, 4, 5 LIMIT 10 OFFSET {often // 2}",
        f"SELECT URLHash, EventDate, count(*) AS views {july} AND TraficSourceID IN (-1, 6) AND RefererHash = {referer}"
        " GROUP BY 1, 2 ORDER BY views DESC, 1, 2 LIMIT 10 OFFSET 10",
        f"SELECT WindowClientWidth, WindowClientHeight, count(*) AS views {july} AND DontCountHits = 0 AND URLHash = {url}"
        " GROUP BY 1, 2 ORDER BY views DESC, 1, 2 LIMIT 10 OFFSET 10",
        f"SELECT date_trunc('minute', EventTime) AS m, count(*) AS views {of_site} BETWEEN DATE '2013-07-14' AND DATE '2013-07-15'"
        f" AND DontCountHits = 0 GROUP BY 1 ORDER BY 1 LIMIT 10 OFFSET {often // 4}",
    ]
