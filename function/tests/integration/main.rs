//! The function as Lambda runs it: the real `bootstrap`, fed by a Runtime API, on a real S3.

mod attacks;
mod contract;
mod fuzz;
mod lake;
mod storage;
mod support;
mod threads;
mod views;
