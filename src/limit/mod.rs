//! L1, pure: token buckets and bounded tables.
