//! How aggregate functions come apart: what each split keeps, and how that is merged.
//!
//! A recipe is SQL over the function's arguments `x` and `y`, and over what the splits kept, `p0`, `p1`, ... It is read
//! by DuckDB's own parser, and the user's expressions are put into the tree, never into the text.

/// How one aggregate function comes apart.
pub(super) struct Recipe {
    /// The function's names.
    names: &'static [&'static str],
    /// How many arguments it has.
    arguments: usize,
    /// What a split keeps. A FILTER of the user's goes to every aggregate function in it.
    pub keep: &'static [&'static str],
    /// The result.
    pub merge: &'static str,
    /// Whether the result is of the type that DuckDB gives the function only after a cast.
    pub cast: bool,
    /// Whether it only does for numbers, that is, where the function's result is a DOUBLE.
    pub only_numbers: bool,
    /// Whether the result depends on the order of the rows.
    pub ordered: bool,
}

const PLAIN: Recipe =
    Recipe { names: &[], arguments: 1, keep: &[], merge: "", cast: false, only_numbers: false, ordered: false };

/// The count, the mean and the sum of squared differences from it, over splits that saw any value: merged pair by pair,
/// which is stable where sums of squares are not.
/// Source: T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
/// Variances", 1979.
macro_rules! moments {
    ($result:literal) => {
        concat!(
            "list_transform([list_reduce(list({'n': CAST(p0 AS DOUBLE), 'm': p1, 's': p2 * p0}) FILTER (p0 > 0), ",
            "lambda a, b: {'n': a.n + b.n, 'm': a.m + (b.m - a.m) * (b.n / (a.n + b.n)), ",
            "'s': a.s + b.s + (b.m - a.m) * (b.m - a.m) * (a.n * b.n / (a.n + b.n))})], lambda t: ",
            $result,
            ")[1]"
        )
    };
}

/// The same for pairs: means, sums of squared differences, and the sum of their products.
macro_rules! pairs {
    ($result:literal) => {
        concat!(
            "list_transform([list_reduce(list({'n': CAST(p0 AS DOUBLE), 'x': p1, 'y': p2, 'c': p3 * p0, 'sx': p4, ",
            "'sy': p5}) FILTER (p0 > 0), ",
            "lambda a, b: {'n': a.n + b.n, 'x': a.x + (b.x - a.x) * (b.n / (a.n + b.n)), ",
            "'y': a.y + (b.y - a.y) * (b.n / (a.n + b.n)), ",
            "'c': a.c + b.c + (b.x - a.x) * (b.y - a.y) * (a.n * b.n / (a.n + b.n)), ",
            "'sx': a.sx + b.sx + (b.x - a.x) * (b.x - a.x) * (a.n * b.n / (a.n + b.n)), ",
            "'sy': a.sy + b.sy + (b.y - a.y) * (b.y - a.y) * (a.n * b.n / (a.n + b.n))})], lambda t: ",
            $result,
            ")[1]"
        )
    };
}

const MOMENTS: Recipe = Recipe { keep: &["count(x)", "avg(x)", "var_pop(x)"], only_numbers: true, ..PLAIN };

/// In DuckDB's functions of pairs the dependent value comes first: here `x` is the first argument, the result's `y`.
const PAIRS: Recipe = Recipe {
    arguments: 2,
    keep: &[
        "regr_count(x, y)",
        "regr_avgx(x, y)",
        "regr_avgy(x, y)",
        "covar_pop(x, y)",
        "regr_sxx(x, y)",
        "regr_syy(x, y)",
    ],
    only_numbers: true,
    ..PLAIN
};

const RECIPES: &[Recipe] = &[
    Recipe {
        names: &["count", "count_star"],
        arguments: 0,
        keep: &["count(*)"],
        merge: "coalesce(sum(p0), 0)",
        cast: true,
        ..PLAIN
    },
    Recipe { names: &["count"], keep: &["count(x)"], merge: "coalesce(sum(p0), 0)", cast: true, ..PLAIN },
    Recipe { names: &["count_if", "countif"], keep: &["count_if(x)"], merge: "sum(p0)", cast: true, ..PLAIN },
    Recipe { names: &["sum"], keep: &["sum(x)"], merge: "sum(p0)", cast: true, ..PLAIN },
    Recipe {
        names: &["sum_no_overflow"],
        keep: &["sum_no_overflow(x)"],
        merge: "sum_no_overflow(p0)",
        cast: true,
        ..PLAIN
    },
    Recipe {
        names: &["fsum", "kahan_sum", "sumkahan"],
        keep: &["fsum(x)"],
        merge: "fsum(p0)",
        only_numbers: true,
        ..PLAIN
    },
    Recipe {
        names: &["avg", "mean"],
        keep: &["sum(x)", "count(x)"],
        merge: "CAST(sum(p0) AS DOUBLE) / sum(p1)",
        only_numbers: true,
        ..PLAIN
    },
    Recipe {
        names: &["favg"],
        keep: &["fsum(x)", "count(x)"],
        merge: "fsum(p0) / sum(p1)",
        only_numbers: true,
        ..PLAIN
    },
    Recipe { names: &["product"], keep: &["product(x)"], merge: "product(p0)", only_numbers: true, ..PLAIN },
    Recipe { names: &["min"], keep: &["min(x)"], merge: "min(p0)", ..PLAIN },
    Recipe { names: &["max"], keep: &["max(x)"], merge: "max(p0)", ..PLAIN },
    Recipe { names: &["bool_and"], keep: &["bool_and(x)"], merge: "bool_and(p0)", ..PLAIN },
    Recipe { names: &["bool_or"], keep: &["bool_or(x)"], merge: "bool_or(p0)", ..PLAIN },
    Recipe { names: &["bit_and"], keep: &["bit_and(x)"], merge: "bit_and(p0)", ..PLAIN },
    Recipe { names: &["bit_or"], keep: &["bit_or(x)"], merge: "bit_or(p0)", ..PLAIN },
    Recipe { names: &["bit_xor"], keep: &["bit_xor(x)"], merge: "bit_xor(p0)", ..PLAIN },
    Recipe { names: &["any_value"], keep: &["any_value(x)"], merge: "any_value(p0)", ordered: true, ..PLAIN },
    Recipe {
        names: &["first", "arbitrary"],
        keep: &["first(x)", "count(*)"],
        merge: "first(p0) FILTER (p1 > 0)",
        ordered: true,
        ..PLAIN
    },
    Recipe {
        names: &["last"],
        keep: &["last(x)", "count(*)"],
        merge: "last(p0) FILTER (p1 > 0)",
        ordered: true,
        ..PLAIN
    },
    Recipe {
        names: &["arg_min", "argmin", "min_by"],
        arguments: 2,
        keep: &["arg_min(x, y)", "min(CASE WHEN x IS NOT NULL THEN y END)"],
        merge: "arg_min(p0, p1)",
        ordered: true,
        ..PLAIN
    },
    Recipe {
        names: &["arg_max", "argmax", "max_by"],
        arguments: 2,
        keep: &["arg_max(x, y)", "max(CASE WHEN x IS NOT NULL THEN y END)"],
        merge: "arg_max(p0, p1)",
        ordered: true,
        ..PLAIN
    },
    Recipe {
        names: &["arg_min_null"],
        arguments: 2,
        keep: &["arg_min_null(x, y)", "min(y)"],
        merge: "arg_min_null(p0, p1)",
        ordered: true,
        ..PLAIN
    },
    Recipe {
        names: &["arg_max_null"],
        arguments: 2,
        keep: &["arg_max_null(x, y)", "max(y)"],
        merge: "arg_max_null(p0, p1)",
        ordered: true,
        ..PLAIN
    },
    Recipe { names: &["var_pop"], merge: moments!("t.s / t.n"), ..MOMENTS },
    Recipe {
        names: &["var_samp", "variance"],
        merge: moments!("CASE WHEN t.n > 1 THEN t.s / (t.n - 1) END"),
        ..MOMENTS
    },
    Recipe { names: &["stddev_pop"], merge: moments!("sqrt(t.s / t.n)"), ..MOMENTS },
    Recipe {
        names: &["stddev_samp", "stddev"],
        merge: moments!("CASE WHEN t.n > 1 THEN sqrt(t.s / (t.n - 1)) END"),
        ..MOMENTS
    },
    Recipe { names: &["sem"], merge: moments!("sqrt(t.s / t.n) / sqrt(t.n)"), ..MOMENTS },
    Recipe { names: &["covar_pop"], merge: pairs!("t.c / t.n"), ..PAIRS },
    Recipe { names: &["covar_samp"], merge: pairs!("CASE WHEN t.n > 1 THEN t.c / (t.n - 1) END"), ..PAIRS },
    Recipe {
        names: &["corr"],
        merge: pairs!(
            "CASE WHEN t.sx > 0 AND t.sy > 0 THEN t.c / sqrt(t.sx * t.sy) WHEN t.n > 0 THEN CAST('nan' AS DOUBLE) END"
        ),
        ..PAIRS
    },
    Recipe {
        names: &["regr_count"],
        arguments: 2,
        keep: &["regr_count(x, y)"],
        merge: "coalesce(sum(p0), 0)",
        cast: true,
        ..PLAIN
    },
    Recipe { names: &["regr_avgx"], merge: pairs!("t.x"), ..PAIRS },
    Recipe { names: &["regr_avgy"], merge: pairs!("t.y"), ..PAIRS },
    Recipe { names: &["regr_sxx"], merge: pairs!("t.sx"), ..PAIRS },
    Recipe { names: &["regr_syy"], merge: pairs!("t.sy"), ..PAIRS },
    Recipe { names: &["regr_sxy"], merge: pairs!("t.c"), ..PAIRS },
    Recipe {
        names: &["regr_slope"],
        merge: pairs!("CASE WHEN t.sx > 0 THEN t.c / t.sx WHEN t.n > 0 THEN CAST('nan' AS DOUBLE) END"),
        ..PAIRS
    },
    Recipe {
        names: &["regr_intercept"],
        merge: pairs!("CASE WHEN t.sx > 0 THEN t.y - (t.c / t.sx) * t.x END"),
        ..PAIRS
    },
    Recipe {
        names: &["regr_r2"],
        merge: pairs!("CASE WHEN t.sx > 0 THEN CASE WHEN t.sy > 0 THEN t.c * t.c / (t.sx * t.sy) ELSE 1 END END"),
        ..PAIRS
    },
];

/// The recipe of the function `name` of so many arguments.
pub(super) fn of(name: &str, arguments: usize) -> Option<&'static Recipe> {
    let name = name.to_lowercase();
    RECIPES.iter().find(|recipe| recipe.arguments == arguments && recipe.names.contains(&name.as_str()))
}

/// Functions whose value is the same when each value comes once: DISTINCT in them says nothing.
const DISTINCT_ANYWAY: &[&str] = &["min", "max", "bool_and", "bool_or", "bit_and", "bit_or", "any_value"];

/// Functions that take no account of NULLs nor of the order of rows, so that one row for each distinct value is all
/// that they need for DISTINCT.
const OF_DISTINCT: &[&str] = &[
    "count",
    "sum",
    "sum_no_overflow",
    "avg",
    "mean",
    "fsum",
    "kahan_sum",
    "sumkahan",
    "favg",
    "product",
    "bit_xor",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "var_pop",
    "var_samp",
    "variance",
    "sem",
    "approx_count_distinct",
];

/// Whether DISTINCT may be left out of a call of `name`.
pub(super) fn is_distinct_anyway(name: &str) -> bool {
    DISTINCT_ANYWAY.contains(&name.to_lowercase().as_str())
}

/// Whether `name` with DISTINCT can be worked out of one row for each distinct value.
pub(super) fn takes_distinct(name: &str) -> bool {
    OF_DISTINCT.contains(&name.to_lowercase().as_str())
}

/// Functions that may give another result each time although they are given the same rows, as it depends on the order
/// in which rows come.
const BY_ORDER: &[&str] = &[
    "any_value",
    "arbitrary",
    "first",
    "last",
    "list",
    "array_agg",
    "string_agg",
    "group_concat",
    "listagg",
    "arg_min",
    "argmin",
    "min_by",
    "arg_max",
    "argmax",
    "max_by",
    "arg_min_null",
    "arg_max_null",
    "arg_min_nulls_last",
    "arg_max_nulls_last",
    "mode",
    "approx_quantile",
    "approx_top_k",
    "reservoir_quantile",
    "json_group_array",
    "json_group_object",
    "json_group_structure",
];

/// Whether what `name` gives depends on the order in which rows come.
pub(super) fn depends_on_order(name: &str) -> bool {
    BY_ORDER.contains(&name.to_lowercase().as_str())
}

/// Functions that only estimate: over gathered rows they would estimate otherwise.
const ESTIMATES: &[&str] = &["approx_quantile", "approx_top_k", "reservoir_quantile"];

/// Whether `name` estimates its result from the rows in the order that they come.
pub(super) fn estimates(name: &str) -> bool {
    ESTIMATES.contains(&name.to_lowercase().as_str())
}
