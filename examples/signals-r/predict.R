# Predict the live data of the current round and submit: the container runs this script.
#
# Reads MODEL_ID, NUMERAI_PUBLIC_ID and NUMERAI_SECRET_KEY from the environment, and TRIGGER_ID if a call of the webhook
# started the run.

source("numerai.R")
source("model.R")

small_trees <- 300L
small_dates <- 100L

required <- function(name) {
  value <- Sys.getenv(name)
  if (!nzchar(value)) {
    stop(name, " is not set in the environment: a prediction node sets it; on your machine, set it yourself.",
         call. = FALSE)
  }
  value
}

model <- required("MODEL_ID")
keys <- c(required("NUMERAI_PUBLIC_ID"), required("NUMERAI_SECRET_KEY"))
message("model ", model, ", round ", Sys.getenv("ROUND_NUMBER", "not given"))

scratch <- tempfile() # deleted after the run: each round has its own live data
trained <- load_model()
if (is.null(trained)) {
  message("no ", model_file, " here: training a small model now; train.R makes a better one")
  data <- training_data(scratch, small_dates)
  trained <- fit(data$frame, data$features, small_trees)
}
live <- read_columns(download(paste0(data_version, "/live.parquet"), scratch), c("numerai_ticker", trained$features))
predictions <- data.frame(numerai_ticker = live$numerai_ticker, signal = predictions_of(trained, live))
message("predicted ", nrow(predictions), " tickers")
message("submitted: ", submit(predictions, model, keys, Sys.getenv("TRIGGER_ID")))
