//! What the planner knows of each aggregate function, one row each: how it comes apart and is merged, what DISTINCT in it
//! needs, whether it looks at the order of the rows. A function that has no row here is not divided, and a test holds the
//! table against the functions that DuckDB lists.
//!
//! A recipe is SQL over the function's arguments `x` and `y`, and over what the splits kept, `p0`, `p1`, ... It is read
//! by DuckDB's own parser, and the user's expressions are put into the tree, never into the text.

/// What is known of one aggregate function.
#[derive(Debug)]
pub(super) struct Aggregate {
    /// The function's names.
    names: &'static [&'static str],
    pub way: Way,
    pub distinct: Distinct,
    /// Whether the result depends on the order in which rows come: merged, they are stacked in the order of the table;
    /// where several functions would each work it out for themselves, they might not agree.
    pub by_order: bool,
}

/// How a function is worked out when its rows are in several splits.
#[derive(Debug)]
pub(super) enum Way {
    /// In parts, with a recipe for each number of arguments that it comes apart with.
    Merged(&'static [Recipe]),
    /// Of each distinct value once: each split sends its own.
    OfDistinct,
    /// Of all rows of a group at once, which are gathered; and why.
    Gathered(&'static str),
    /// It estimates, and over gathered rows it would estimate otherwise: one function has to run it.
    Estimated,
}

/// What a function needs to be worked out for distinct values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Distinct {
    /// Nothing: it gives the same when each value comes once.
    Ignored,
    /// Each value once, in any order and without NULLs, which it leaves out.
    Values,
    /// All rows.
    Rows,
}

/// How one aggregate function of a certain number of arguments comes apart.
#[derive(Debug)]
pub(super) struct Recipe {
    arguments: usize,
    /// Partial aggregates: what a split keeps. A FILTER of the user's goes to every aggregate function in it.
    pub keep: &'static [&'static str],
    /// The result, of what the splits kept.
    pub merge: &'static str,
    pub result: Type,
}

/// Of what type a recipe's result is, held against the one that DuckDB gives the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// The same.
    Same,
    /// The same after a cast: adding up widens.
    Cast,
    /// A DOUBLE, and right only where the function's is one, too: not for dates, decimals, intervals.
    OnlyDouble,
}

const fn recipe(arguments: usize, keep: &'static [&'static str], merge: &'static str, result: Type) -> Recipe {
    Recipe { arguments, keep, merge, result }
}

const fn merged(names: &'static [&'static str], distinct: Distinct, recipes: &'static [Recipe]) -> Aggregate {
    Aggregate { names, way: Way::Merged(recipes), distinct, by_order: false }
}

/// One whose result depends on the order of the rows.
const fn ordered(names: &'static [&'static str], distinct: Distinct, recipes: &'static [Recipe]) -> Aggregate {
    Aggregate { names, way: Way::Merged(recipes), distinct, by_order: true }
}

const fn gathered(names: &'static [&'static str], why: &'static str) -> Aggregate {
    Aggregate { names, way: Way::Gathered(why), distinct: Distinct::Rows, by_order: false }
}

const fn gathered_in_order(names: &'static [&'static str], why: &'static str) -> Aggregate {
    Aggregate { names, way: Way::Gathered(why), distinct: Distinct::Rows, by_order: true }
}

const fn estimated(names: &'static [&'static str]) -> Aggregate {
    Aggregate { names, way: Way::Estimated, distinct: Distinct::Rows, by_order: true }
}

/// One that is merged by itself: the least of the least.
macro_rules! itself {
    ($name:literal, $result:expr) => {
        &[recipe(1, &[concat!($name, "(x)")], concat!($name, "(p0)"), $result)]
    };
}

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

/// A recipe over the moments of one argument.
const fn of_moments(merge: &'static str) -> Recipe {
    recipe(1, &["count(x)", "avg(x)", "var_pop(x)"], merge, Type::OnlyDouble)
}

/// A recipe over the moments of pairs. In DuckDB's functions of pairs the dependent value comes first: here `x` is the
/// first argument, the result's `y`.
const fn of_pairs(merge: &'static str) -> Recipe {
    let keep: &[&str] = &[
        "regr_count(x, y)",
        "regr_avgx(x, y)",
        "regr_avgy(x, y)",
        "covar_pop(x, y)",
        "regr_sxx(x, y)",
        "regr_syy(x, y)",
    ];
    recipe(2, keep, merge, Type::OnlyDouble)
}

const ALL_ROWS: &str = "needs all rows of a group at once";
const ALL_VALUES: &str = "needs how often each value of a group comes";
const HIGHER_MOMENTS: &str = "needs moments that are not merged";
const ONLY_WINDOWS: &str = "is a window function";
const OF_OTHERS: &str = "is a macro around other functions";

const AGGREGATES: &[Aggregate] = &[
    merged(
        &["count", "count_star"],
        Distinct::Values,
        &[
            recipe(0, &["count(*)"], "coalesce(sum(p0), 0)", Type::Cast),
            recipe(1, &["count(x)"], "coalesce(sum(p0), 0)", Type::Cast),
        ],
    ),
    merged(&["count_if", "countif"], Distinct::Rows, &[recipe(1, &["count_if(x)"], "sum(p0)", Type::Cast)]),
    merged(&["sum"], Distinct::Values, itself!("sum", Type::Cast)),
    merged(&["fsum", "kahan_sum", "sumkahan"], Distinct::Values, itself!("fsum", Type::OnlyDouble)),
    merged(
        &["avg", "mean"],
        Distinct::Values,
        &[recipe(1, &["sum(x)", "count(x)"], "CAST(sum(p0) AS DOUBLE) / sum(p1)", Type::OnlyDouble)],
    ),
    merged(&["favg"], Distinct::Values, &[recipe(1, &["fsum(x)", "count(x)"], "fsum(p0) / sum(p1)", Type::OnlyDouble)]),
    merged(&["product"], Distinct::Values, itself!("product", Type::OnlyDouble)),
    merged(&["min"], Distinct::Ignored, itself!("min", Type::Same)),
    merged(&["max"], Distinct::Ignored, itself!("max", Type::Same)),
    merged(&["bool_and"], Distinct::Ignored, itself!("bool_and", Type::Same)),
    merged(&["bool_or"], Distinct::Ignored, itself!("bool_or", Type::Same)),
    merged(&["bit_and"], Distinct::Ignored, itself!("bit_and", Type::Same)),
    merged(&["bit_or"], Distinct::Ignored, itself!("bit_or", Type::Same)),
    merged(&["bit_xor"], Distinct::Values, itself!("bit_xor", Type::Same)),
    // Leaves NULLs out, where `first` and `last` do not.
    ordered(&["any_value"], Distinct::Ignored, itself!("any_value", Type::Same)),
    ordered(
        &["first", "arbitrary"],
        Distinct::Rows,
        &[recipe(1, &["first(x)", "count(*)"], "first(p0) FILTER (p1 > 0)", Type::Same)],
    ),
    ordered(&["last"], Distinct::Rows, &[recipe(1, &["last(x)", "count(*)"], "last(p0) FILTER (p1 > 0)", Type::Same)]),
    // Rows whose argument is NULL do not count, except for `arg_min_null` and `arg_max_null`.
    ordered(
        &["arg_min", "argmin", "min_by"],
        Distinct::Rows,
        &[recipe(2, &["arg_min(x, y)", "min(CASE WHEN x IS NOT NULL THEN y END)"], "arg_min(p0, p1)", Type::Same)],
    ),
    ordered(
        &["arg_max", "argmax", "max_by"],
        Distinct::Rows,
        &[recipe(2, &["arg_max(x, y)", "max(CASE WHEN x IS NOT NULL THEN y END)"], "arg_max(p0, p1)", Type::Same)],
    ),
    ordered(
        &["arg_min_null"],
        Distinct::Rows,
        &[recipe(2, &["arg_min_null(x, y)", "min(y)"], "arg_min_null(p0, p1)", Type::Same)],
    ),
    ordered(
        &["arg_max_null"],
        Distinct::Rows,
        &[recipe(2, &["arg_max_null(x, y)", "max(y)"], "arg_max_null(p0, p1)", Type::Same)],
    ),
    merged(&["var_pop"], Distinct::Values, &[of_moments(moments!("t.s / t.n"))]),
    merged(
        &["var_samp", "variance"],
        Distinct::Values,
        &[of_moments(moments!("CASE WHEN t.n > 1 THEN t.s / (t.n - 1) END"))],
    ),
    merged(&["stddev_pop"], Distinct::Values, &[of_moments(moments!("sqrt(t.s / t.n)"))]),
    merged(
        &["stddev_samp", "stddev"],
        Distinct::Values,
        &[of_moments(moments!("CASE WHEN t.n > 1 THEN sqrt(t.s / (t.n - 1)) END"))],
    ),
    merged(&["sem"], Distinct::Values, &[of_moments(moments!("sqrt(t.s / t.n) / sqrt(t.n)"))]),
    merged(&["covar_pop"], Distinct::Rows, &[of_pairs(pairs!("t.c / t.n"))]),
    merged(&["covar_samp"], Distinct::Rows, &[of_pairs(pairs!("CASE WHEN t.n > 1 THEN t.c / (t.n - 1) END"))]),
    merged(
        &["corr"],
        Distinct::Rows,
        &[of_pairs(pairs!(
            "CASE WHEN t.sx > 0 AND t.sy > 0 THEN t.c / sqrt(t.sx * t.sy) WHEN t.n > 0 THEN CAST('nan' AS DOUBLE) END"
        ))],
    ),
    merged(&["regr_count"], Distinct::Rows, &[recipe(2, &["regr_count(x, y)"], "coalesce(sum(p0), 0)", Type::Cast)]),
    merged(&["regr_avgx"], Distinct::Rows, &[of_pairs(pairs!("t.x"))]),
    merged(&["regr_avgy"], Distinct::Rows, &[of_pairs(pairs!("t.y"))]),
    merged(&["regr_sxx"], Distinct::Rows, &[of_pairs(pairs!("t.sx"))]),
    merged(&["regr_syy"], Distinct::Rows, &[of_pairs(pairs!("t.sy"))]),
    merged(&["regr_sxy"], Distinct::Rows, &[of_pairs(pairs!("t.c"))]),
    merged(
        &["regr_slope"],
        Distinct::Rows,
        &[of_pairs(pairs!("CASE WHEN t.sx > 0 THEN t.c / t.sx WHEN t.n > 0 THEN CAST('nan' AS DOUBLE) END"))],
    ),
    merged(
        &["regr_intercept"],
        Distinct::Rows,
        &[of_pairs(pairs!("CASE WHEN t.sx > 0 THEN t.y - (t.c / t.sx) * t.x END"))],
    ),
    merged(
        &["regr_r2"],
        Distinct::Rows,
        &[of_pairs(pairs!("CASE WHEN t.sx > 0 THEN CASE WHEN t.sy > 0 THEN t.c * t.c / (t.sx * t.sy) ELSE 1 END END"))],
    ),
    Aggregate { names: &["approx_count_distinct"], way: Way::OfDistinct, distinct: Distinct::Values, by_order: false },
    estimated(&["approx_quantile", "approx_top_k", "reservoir_quantile"]),
    gathered(&["median", "mad", "quantile", "quantile_cont", "quantile_disc"], ALL_ROWS),
    gathered(&["entropy", "histogram", "histogram_exact", "bitstring_agg"], ALL_VALUES),
    // Of values that come equally often it gives the first.
    gathered_in_order(&["mode"], ALL_VALUES),
    gathered(&["kurtosis", "kurtosis_pop", "skewness"], HIGHER_MOMENTS),
    gathered_in_order(&["list", "array_agg", "string_agg", "group_concat", "listagg"], ALL_ROWS),
    gathered_in_order(&["arg_min_nulls_last", "arg_max_nulls_last"], ALL_ROWS),
    gathered_in_order(
        &[
            "cume_dist",
            "dense_rank",
            "fill",
            "first_value",
            "lag",
            "last_value",
            "lead",
            "nth_value",
            "ntile",
            "percent_rank",
            "rank",
            "rank_dense",
            "row_number",
        ],
        ONLY_WINDOWS,
    ),
    gathered(&["sum_no_overflow"], "is DuckDB's own and not for queries"),
    gathered(&["geomean", "geometric_mean", "wavg", "weighted_avg"], OF_OTHERS),
    gathered_in_order(&["json_group_array", "json_group_object", "json_group_structure"], OF_OTHERS),
];

/// What is known of the aggregate function `name`.
pub(super) fn of(name: &str) -> Option<&'static Aggregate> {
    let name = name.to_lowercase();
    AGGREGATES.iter().find(|aggregate| aggregate.names.contains(&name.as_str()))
}

impl Aggregate {
    /// How a call with so many arguments comes apart.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) fn recipe(&self, arguments: usize) -> Result<&'static Recipe, &'static str> {
        match self.way {
            Way::Merged(recipes) => recipes.iter().find(|recipe| recipe.arguments == arguments).ok_or(ALL_ROWS),
            Way::Gathered(why) => Err(why),
            Way::OfDistinct | Way::Estimated => Err(ALL_ROWS),
        }
    }
}

/// Whether what the function `name` gives depends on the order in which rows come.
pub(super) fn depends_on_order(name: &str) -> bool {
    of(name).is_some_and(|aggregate| aggregate.by_order)
}

/// Names of the functions that come apart.
#[cfg(test)]
pub(super) fn merged_names() -> impl Iterator<Item = &'static str> {
    let merged = |aggregate: &&Aggregate| matches!(aggregate.way, Way::Merged(_));
    AGGREGATES.iter().filter(merged).flat_map(|aggregate| aggregate.names.iter().copied())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::planner::functions::Functions;
    use crate::planner::scratch::Scratch;

    /// The aggregate functions that this DuckDB lists, and the macros around them.
    fn listed() -> BTreeSet<String> {
        let scratch = Scratch::open().unwrap();
        let names =
            "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('aggregate', 'macro')";
        let mut statement = scratch.connection().prepare(names).unwrap();
        let names: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        names.into_iter().filter(|name| Functions::aggregates_by_name(&scratch, name)).collect()
    }

    #[test]
    fn every_aggregate_function_of_this_duckdb_has_one_row() {
        let listed = listed();
        assert!(listed.len() > 80 && listed.contains("sum") && listed.contains("wavg"), "{listed:?}");
        let missing: Vec<_> = listed.iter().filter(|name| of(name).is_none()).collect();
        assert!(missing.is_empty(), "say in AGGREGATES how these are divided: {missing:?}");
        let rows: Vec<&str> = AGGREGATES.iter().flat_map(|aggregate| aggregate.names.iter().copied()).collect();
        let names: BTreeSet<&str> = rows.iter().copied().collect();
        assert_eq!(names.len(), rows.len(), "a function has two rows");
        let gone: Vec<_> = names.iter().filter(|name| !listed.contains(**name)).collect();
        assert!(gone.is_empty(), "this DuckDB does not have {gone:?}");
    }
}
