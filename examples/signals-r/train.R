# Train the model and write model.rds: `Rscript train.R` in this folder, on your own machine. Needs no API keys.
#
# Reports the score on dates that the model has not seen, then trains on all dates and saves the model.

source("numerai.R")
source("model.R")

trees <- 1000L
dates <- 200L
held_out <- 0.2

data <- training_data("data", dates)
date <- as.Date(data$frame$date)
first <- rev(sort(unique(date)))[max(1, floor(length(unique(date)) * held_out))]
seen <- data$frame[date < first - overlapping_days, ]
rest <- data$frame[date >= first, ]
scores <- scores_of(rest, predictions_of(fit(seen, data$features, trees), rest))
message(sprintf("correlation on %d held-out dates: mean %.4f, deviation %.4f", length(scores), mean(scores), sd(scores)))

save_model(fit(data$frame, data$features, trees))
