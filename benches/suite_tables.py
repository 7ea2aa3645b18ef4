"""What the runs of the suites come to: medians, totals, and whether the bounds hold that `--workers auto` is held to."""

import statistics

# `auto` against one function: seconds and dollars, in total and of any query. And how many estimates are within twice the truth.
BOUNDS = {"seconds": (1.0, 1.1), "usd": (1.2, 2.0)}
BOUND_SUITES = ["tpch", "tpcds"]
ESTIMATED = {"ms": 0.90, "usd": 0.95}


class Tables:
    def __init__(self, runs, options):
        self.runs, self.options = runs, options

    def median(self, at, way, what):
        """Of the runs that are measured, none where there is none."""
        values = [run[what] for run in self.runs.select(**at, way=way, warm_up=False) if run.get(what) is not None]
        return statistics.median(values) if values else None

    def wrong(self, at):
        """(way, what is wrong) of each run that is not right."""
        return [(run["way"], run["wrong"]) for run in self.runs.select(**at) if "wrong" in run]

    def figures(self, at):
        """What a query comes to."""
        ways = {
            way: {what: self.median(at, way, what) for what in ("seconds", "usd", "ms", "functions")}
            for way in self.options.ways if self.runs.select(**at, way=way, warm_up=False)
        }
        explained = (self.runs.select(**at, way="explain") or [{}])[-1]
        one, auto = ways.get("one", {}), ways.get("auto", {})
        ratios = {what: ratio(auto.get(what), one.get(what)) for what in BOUNDS}
        told = {name: explained.get(name) for name in ("strategy", "reason", "weighed")}
        runs = sum(run["way"] != "explain" for run in self.runs.select(**at))
        return {**at, "ways": ways, "ratios": ratios, **told, "runs": runs, "wrong": self.wrong(at)}

    def all(self):
        seen = {}
        for run in self.runs.all:
            at = {name: run[name] for name in ("suite", "network", "query")}
            if run["suite"] in self.options.suites and run["network"] in self.options.networks:
                seen.setdefault(tuple(at.values()), at)
        return [self.figures(at) for at in seen.values()]

    def results(self):
        queries = self.all()
        return {"of": self.runs.of, "queries": queries, "verdicts": self.verdicts(queries), "estimates": self.estimates(queries)}

    def line(self, at):
        """One query, while it goes on."""
        figures = self.figures(at)
        ways = ", ".join(f"{way} {seconds(told['seconds'])}" for way, told in figures["ways"].items())
        wrong = "".join(f"; {way}: {why[:200]}" for way, why in figures["wrong"][:2]) or "; all answers right"
        auto = figures["ways"].get("auto", {}).get("functions")
        auto = f" ({auto:.0f} functions)" if auto else ""
        ratios = " ".join(f"{what} {times(value)}" for what, value in figures["ratios"].items())
        return f"{at['network']} {at['suite']} {at['query']}: {ways}{auto}; {ratios}{wrong}"

    def verdicts(self, queries):
        """By network and suite, and both suites that are bound together: totals of seconds and dollars, and the queries beyond a bound."""
        found = []
        for network in self.options.networks:
            here = [query for query in queries if query["network"] == network]
            groups = [([suite], [query for query in here if query["suite"] == suite]) for suite in self.options.suites]
            bound = [query for query in here if query["suite"] in BOUND_SUITES]
            if len({query["suite"] for query in bound}) > 1:
                groups.append((BOUND_SUITES, bound))
            for names, group in groups:
                if any(None not in query["ratios"].values() for query in group):
                    found.append({"network": network, "suites": names, **verdict(group)})
        return found

    def estimates(self, queries):
        """Of the way that `--explain` says is taken, and of one function, beside what they took: how many are within twice the truth."""
        found = []
        for network in self.options.networks:
            for suite in self.options.suites:
                group = [query for query in queries if (query["network"], query["suite"]) == (network, suite)]
                for way in ("auto", "one"):
                    for what, share in ESTIMATED.items():
                        pairs = [pair for pair in (estimate(query, way, what) for query in group) if pair]
                        within = [told for told, true, _ in pairs if true / 2 <= told <= true * 2]
                        worst = sorted(pairs, key=lambda pair: max(pair[0] / pair[1], pair[1] / max(pair[0], 1e-12)), reverse=True)[:5]
                        found.append({
                            "network": network, "suite": suite, "way": way, "what": what, "told": len(pairs), "within": len(within),
                            "bound": share, "worst": [{"query": name, "told": told, "true": true} for told, true, name in worst],
                        })
        return found

    def markdown(self):
        queries = self.all()
        parts = []
        for network in self.options.networks:
            for suite in self.options.suites:
                group = [query for query in queries if (query["network"], query["suite"]) == (network, suite)]
                if group:
                    parts += [f"### {suite}, network `{network}`", "", *self.table(group), ""]
        parts += ["### `auto` against one function", "", *verdict_table(self.verdicts(queries)), ""]
        parts += ["### Estimates within twice the truth", "", *estimate_table(self.estimates(queries)), ""]
        wrong = [f"- {query['network']} {query['suite']} {query['query']}, {way}: {why}" for query in queries for way, why in query["wrong"]]
        runs = sum(query["runs"] for query in queries)
        parts += [f"{len(wrong)} of {runs} runs gave a wrong answer or none.", *wrong]
        return "\n".join(parts)

    def table(self, group):
        fixed = [way for way in self.options.ways if way.isdigit()]
        heads = ["query", "one function", "`auto`", "", "one function", "`auto`", "", "functions of `auto`", *(f"{way} functions" for way in fixed)]
        yield row(heads)
        yield row(["---"] * len(heads))

        def cells(name, of):
            one, auto = of("one"), of("auto")
            money = [dollars(one["usd"]), dollars(auto["usd"]), times(ratio(auto["usd"], one["usd"]))]
            time = [seconds(one["seconds"]), seconds(auto["seconds"]), times(ratio(auto["seconds"], one["seconds"]))]
            functions = "" if auto["functions"] is None else f"{auto['functions']:.0f}"
            return row([name, *time, *money, functions, *(seconds(of(way)["seconds"]) for way in fixed)])

        nothing = {"seconds": None, "usd": None, "functions": None}
        for query in group:
            yield cells(query["query"], lambda way: query["ways"].get(way, nothing))
        sums = lambda way, what: [query["ways"].get(way, nothing)[what] for query in group]
        added = lambda values: None if None in values else sum(values)
        yield cells("**all**", lambda way: {"seconds": added(sums(way, "seconds")), "usd": added(sums(way, "usd")), "functions": None})


def verdict(group):
    both = [query for query in group if None not in query["ratios"].values()]
    told = {"queries": len(group), "compared": len(both), "wrong": sum(bool(query["wrong"]) for query in group)}
    for what, (total, each) in BOUNDS.items():
        sums = [sum(query["ways"][way][what] for query in both) for way in ("auto", "one")]
        beyond = [(query["query"], query["suite"], query["ratios"][what]) for query in both if query["ratios"][what] > each]
        told[what] = {"auto": sums[0], "one": sums[1], "ratio": ratio(*sums), "bound": total, "each": each, "beyond": beyond}
    told["holds"] = told["compared"] == told["queries"] and not told["wrong"] and all(
        (told[what]["ratio"] or 9) <= told[what]["bound"] and not told[what]["beyond"] for what in BOUNDS
    )
    return told


def verdict_table(verdicts):
    heads = ["network", "suite", "right", "one function", "`auto`", "ratio", "bound", "queries beyond", "holds"]
    yield row(heads)
    yield row(["---"] * len(heads))
    for told in verdicts:
        several = len(told["suites"]) > 1
        for what, shown in [("seconds", seconds), ("usd", dollars)]:
            of = told[what]
            worst = sorted(of["beyond"], key=lambda beyond: -beyond[2])
            names = ", ".join(f"{suite + ' ' if several else ''}{name} ({times(value)})" for name, suite, value in worst[:8])
            more = f" and {len(worst) - 8} more" if len(worst) > 8 else ""
            cells = [told["network"], " + ".join(told["suites"]), f"{told['queries'] - told['wrong']} of {told['queries']}", shown(of["one"])]
            cells += [shown(of["auto"]), times(of["ratio"]), f"{of['bound']} x, each {of['each']} x", f"{len(worst)}: {names}{more}" if worst else "none"]
            yield row([*cells, "yes" if told["holds"] else "no"])


def estimate_table(estimates):
    heads = ["network", "suite", "of", "what", "told", "within 2 x", "bound", "farthest off"]
    yield row(heads)
    yield row(["---"] * len(heads))
    for told in estimates:
        if told["told"]:
            shown = {"ms": lambda value: f"{value:.0f} ms", "usd": dollars}[told["what"]]
            worst = ", ".join(f"{one['query']} ({shown(one['told'])} told, {shown(one['true'])} true)" for one in told["worst"][:3])
            share = f"{told['within']} ({told['within'] / told['told']:.0%})"
            way = {"auto": "the way taken", "one": "one function"}[told["way"]]
            yield row([told["network"], told["suite"], way, told["what"], str(told["told"]), share, f"{told['bound']:.0%}", worst])


def estimate(query, way, what):
    """What `--explain` says of a way, what that took, and the query's name; nothing where either is not known."""
    weighed = query["weighed"] or []
    taken = [told for told in weighed if (told.get("taken") if way == "auto" else told["functions"] == 1)]
    true = query["ways"].get(way, {}).get(what)
    told = (taken[0].get("expected") or {}).get(what) if taken else None
    return (told, true, query["query"]) if told is not None and true else None


def ratio(ours, theirs):
    return ours / theirs if ours is not None and theirs else None


def row(cells):
    return "| " + " | ".join(cells) + " |"


def seconds(value):
    return "" if value is None else f"{value:.3f} s" if value < 10 else f"{value:.1f} s"


def times(value):
    return "" if value is None else f"{value:.2f} x"


def dollars(value):
    return "" if value is None else f"${value:.7f}" if value < 0.001 else f"${value:.5f}"
