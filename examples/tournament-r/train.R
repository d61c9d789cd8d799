# Train the model and write model.rds: `Rscript train.R` in this folder, on your own machine. Needs no API keys.
#
# Reports the score on eras that the model has not seen, then trains on all eras and saves the model.

source("numerai.R")
source("model.R")

trees <- 1000L
eras <- 200L
held_out <- 0.2

data <- training_data("data", eras)
era <- as.integer(data$frame$era)
first <- rev(sort(unique(era)))[max(1, floor(length(unique(era)) * held_out))]
seen <- data$frame[era < first - overlapping_eras, ]
rest <- data$frame[era >= first, ]
scores <- scores_of(rest, predictions_of(fit(seen, data$features, trees), rest))
message(sprintf("correlation on %d held-out eras: mean %.4f, deviation %.4f", length(scores), mean(scores), sd(scores)))

save_model(fit(data$frame, data$features, trees))
