# read_parquet(file, col_select), with the types that nanoparquet returns: integers, doubles, strings.
read_parquet <- function(file, col_select = NULL) {
  program <- system.file("columns.py", package = "nanoparquet")
  arguments <- shQuote(c(program, file, col_select))
  # Python must not use R's library path.
  lines <- system2(Sys.getenv("PYTHON_WITH_PYARROW"), arguments, stdout = TRUE, env = "LD_LIBRARY_PATH=")
  types <- strsplit(lines[[1]], " ")[[1]]
  utils::read.csv(
    text = lines[-1], colClasses = types, check.names = FALSE, na.strings = c("nan", ""), blank.lines.skip = FALSE
  )
}
