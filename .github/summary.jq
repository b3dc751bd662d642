# The result of `psimp run --format json` as Markdown: the counts, and every comparison that did not hold.
def cell: tostring | gsub("\\|"; "\\|") | gsub("\n"; " ");
(.summary | "\(.passed) passed, \(.failed) failed, \(.skipped) skipped"),
"",
"| case | what | expected | observed |",
"|---|---|---|---|",
(.cases[] | select(.status == "failed") | . as $case | .mismatches[]
  | "| \($case.id) | \(.what | cell) | \(.expected | cell) | \(.observed | cell) |")
