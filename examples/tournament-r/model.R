# The model of this node: what it reads, how it learns, and how it is kept on disk. train.R and predict.R both use it,
# so they cannot disagree about columns or versions.

data_version <- "v5.3"
feature_set <- "small" # "medium" and "all" do better and need far more memory
overlapping_eras <- 4L # the target looks four weeks ahead, and an era is a week
model_file <- "model.rds"

invisible(loadNamespace("ranger")) # brings predict() for a forest that was read from the model file

read_columns <- function(path, columns) as.data.frame(nanoparquet::read_parquet(path, col_select = columns))

# Rows of at most so many eras, evenly spread: neighbours in time have overlapping targets and add little.
training_data <- function(folder, most_eras) {
  sets <- jsonlite::fromJSON(download(paste0(data_version, "/features.json"), folder))$feature_sets
  features <- sets[[feature_set]]
  frame <- read_columns(download(paste0(data_version, "/train.parquet"), folder), c("era", "target", features))
  eras <- sort(unique(frame$era))
  eras <- eras[seq(1, length(eras), by = ceiling(length(eras) / most_eras))]
  frame <- frame[frame$era %in% eras & !is.na(frame$target), ]
  message("read ", nrow(frame), " rows of ", length(eras), " eras with ", length(features), " features")
  list(frame = frame, features = features)
}

# A forest of shallow trees, each from a tenth of the rows, since the signal is weak.
fit <- function(frame, features, trees) {
  began <- Sys.time()
  forest <- ranger::ranger(
    x = frame[features], y = frame$target, num.trees = trees, max.depth = 6, min.node.size = 50,
    mtry = ceiling(length(features) / 4), sample.fraction = 0.1, replace = FALSE, oob.error = FALSE, seed = 1
  )
  message(sprintf("trained %d trees in %.1f s", trees, as.numeric(difftime(Sys.time(), began, units = "secs"))))
  list(forest = forest, features = features, data_version = data_version)
}

# Predictions as ranks strictly between 0 and 1; only their order is scored.
predictions_of <- function(trained, rows) {
  raw <- stats::predict(trained$forest, data = rows[trained$features])$predictions
  (rank(raw) - 0.5) / length(raw)
}

# The rank correlation with the target in each era.
scores_of <- function(frame, predictions) {
  vapply(split(seq_len(nrow(frame)), frame$era), function(rows) {
    stats::cor(rank(predictions[rows]), frame$target[rows])
  }, numeric(1))
}

# Write the model file, whole or not at all.
save_model <- function(trained) {
  unfinished <- paste0(model_file, ".part")
  saveRDS(trained, unfinished)
  file.rename(unfinished, model_file)
  message("wrote ", model_file)
}

# The model in the model file; NULL when there is no file.
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
