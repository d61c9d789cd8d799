# The node's model: its data, its training, and its file on disk. train.R and predict.R both use it,
# so they cannot disagree about columns or versions.

tournament <- classic
data_version <- "v5.3"
feature_set <- "small" # "medium" and "all" score better but need far more memory
overlapping_eras <- 4L # the target covers the next four weeks, and an era is one week
model_file <- "model.rds"

invisible(loadNamespace("ranger")) # provides predict() for a forest that was read from the model file

# Read columns of a Parquet file, a few at a time, and of each the wanted rows (TRUE: all), so that memory never holds
# more than these few with all rows of the file.
read_columns <- function(path, columns, rows = TRUE) {
  parts <- lapply(split(columns, (seq_along(columns) - 1) %/% 16), function(some) {
    as.data.frame(nanoparquet::read_parquet(path, col_select = some))[rows, some, drop = FALSE]
  })
  do.call(cbind, unname(parts))
}

# Return the rows of at most `most_eras` eras, evenly spaced: eras close in time have overlapping targets, so they add
# little.
training_data <- function(folder, most_eras) {
  sets <- jsonlite::fromJSON(download(paste0(data_version, "/features.json"), folder))$feature_sets
  features <- sets[[feature_set]]
  path <- download(paste0(data_version, "/train.parquet"), folder)
  labels <- read_columns(path, c("era", "target"))
  eras <- sort(unique(labels$era))
  eras <- eras[seq(1, length(eras), by = ceiling(length(eras) / most_eras))]
  frame <- read_columns(path, c("era", "target", features), which(labels$era %in% eras & !is.na(labels$target)))
  message("read ", nrow(frame), " rows of ", length(eras), " eras with ", length(features), " features")
  list(frame = frame, features = features)
}

# Train a forest of shallow trees, each on a tenth of the rows, because the signal is weak.
fit <- function(frame, features, trees) {
  began <- Sys.time()
  forest <- ranger::ranger(
    x = frame[features], y = frame$target, num.trees = trees, max.depth = 6, min.node.size = 50,
    mtry = ceiling(length(features) / 4), sample.fraction = 0.1, replace = FALSE, oob.error = FALSE, seed = 1
  )
  message(sprintf("trained %d trees in %.1f s", trees, as.numeric(difftime(Sys.time(), began, units = "secs"))))
  list(forest = forest, features = features, data_version = data_version)
}

# Return predictions as ranks strictly between 0 and 1; Numerai scores only their order.
predictions_of <- function(trained, rows) {
  raw <- stats::predict(trained$forest, data = rows[trained$features])$predictions
  (rank(raw) - 0.5) / length(raw)
}

# Return the rank correlation with the target for each era.
scores_of <- function(frame, predictions) {
  vapply(split(seq_len(nrow(frame)), frame$era), function(rows) {
    stats::cor(rank(predictions[rows]), frame$target[rows])
  }, numeric(1))
}

# Write the model file atomically.
save_model <- function(trained) {
  unfinished <- paste0(model_file, ".part")
  saveRDS(trained, unfinished)
  file.rename(unfinished, model_file)
  message("wrote ", model_file)
}

# Load the model file; return NULL if there is none.
load_model <- function() {
  if (!file.exists(model_file)) return(NULL)
  trained <- readRDS(model_file)
  if (trained$data_version != data_version) {
    stop(model_file, " was trained on ", trained$data_version, ", this code reads ", data_version,
         ": run train.R again.", call. = FALSE)
  }
  message("loaded ", model_file, ": ", length(trained$features), " features")
  trained
}
