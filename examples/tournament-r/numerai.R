# The parts of Numerai's API that a model needs: downloading data files and submitting predictions.
#
# libcurl and the curl package read proxies and certificates from the environment (HTTPS_PROXY, NO_PROXY,
# CURL_CA_BUNDLE).

api_url <- "https://api-tournament.numer.ai"
classic <- 8L # Numerai's numbers for its tournaments; model.R sets `tournament` to its own
signals <- 11L
tries <- 4L

# Call `attempt` until it returns something other than NULL, waiting 2, 4 and 8 seconds between attempts.
patiently <- function(what, attempt) {
  for (try in seq_len(tries)) {
    found <- tryCatch(attempt(), error = function(problem) {
      message(what, ": ", conditionMessage(problem))
      NULL
    })
    if (!is.null(found)) return(found)
    if (try < tries) Sys.sleep(2^try)
  }
  stop(what, ": no answer after ", tries, " tries. Check the network, and whether Numerai is up.", call. = FALSE)
}

# Send a request; return NULL if trying again may help.
request <- function(handle, url) {
  curl::handle_setopt(handle, connecttimeout = 30, timeout = 600)
  answer <- curl::curl_fetch_memory(url, handle)
  if (answer$status_code >= 500 || answer$status_code == 429) {
    message("the server answered with HTTP ", answer$status_code)
    return(NULL)
  }
  answer
}

# Return the `data` of a GraphQL query. `keys` is c(public id, secret key) if the query needs them.
graphql <- function(query, variables, keys = NULL) {
  body <- jsonlite::toJSON(list(query = query, variables = variables), auto_unbox = TRUE, null = "null")
  headers <- list("Content-Type" = "application/json", Accept = "application/json")
  if (!is.null(keys)) headers$Authorization <- paste0("Token ", keys[[1]], "$", keys[[2]])
  answer <- patiently("Numerai's API", function() {
    handle <- curl::new_handle(post = TRUE, postfields = enc2utf8(as.character(body)))
    do.call(curl::handle_setheaders, c(list(handle), headers))
    request(handle, api_url)
  })
  text <- rawToChar(answer$content)
  Encoding(text) <- "UTF-8"
  found <- tryCatch(jsonlite::fromJSON(text, simplifyVector = FALSE), error = function(problem) NULL)
  if (!is.list(found)) found <- list()
  if (length(found$errors) > 0) {
    said <- paste(vapply(found$errors, function(error) paste(error$message, collapse = " "), ""), collapse = " ")
    hint <- if (answer$status_code == 401) " Check the API keys and their scopes." else ""
    stop("Numerai rejected the request: ", said, hint, call. = FALSE)
  }
  if (is.null(found$data)) {
    stop("Numerai did not answer as expected (HTTP ", answer$status_code, "). Check the API keys.", call. = FALSE)
  }
  found$data
}

# Download a data file such as "v5.3/live.parquet" into a folder, unless it is already there.
download <- function(name, folder) {
  path <- file.path(folder, name)
  if (file.exists(path)) {
    message("using ", path, "; remove it to get the newest")
    return(path)
  }
  message("downloading ", name)
  url <- graphql("query ($filename: String!, $tournament: Int) { dataset(filename: $filename, tournament: $tournament) }",
                 list(filename = name, tournament = tournament))$dataset
  dir.create(dirname(path), recursive = TRUE, showWarnings = FALSE)
  patiently(name, function() {
    # no limit for the whole download, which may be gigabytes, but give up after a minute without data
    handle <- curl::new_handle(connecttimeout = 30, low_speed_limit = 1, low_speed_time = 60)
    curl::curl_download(url, path, handle = handle)
  })
}

# Submit predictions and return the submission's id. They are a data frame of two columns, whose names and order are
# those of the tournament's submissions. `trigger` tells Numerai which call of the webhook the submission answers; it is
# empty if no call started this run.
submit <- function(predictions, model, keys, trigger = "") {
  if (tournament == signals) {
    upload <- "submissionUploadSignalsAuth"
    create <- "createSignalsSubmission"
  } else {
    upload <- "submissionUploadAuth"
    create <- "createSubmission"
  }
  place <- graphql(
    sprintf("query ($filename: String!, $tournament: Int!, $modelId: String) {
      %s(filename: $filename, tournament: $tournament, modelId: $modelId) { filename url }
    }", upload),
    list(filename = "predictions.csv", tournament = tournament, modelId = model), keys)[[upload]]
  lines <- c(paste(names(predictions), collapse = ","), sprintf("%s,%.10f", predictions[[1]], predictions[[2]]))
  content <- charToRaw(paste0(paste(lines, collapse = "\n"), "\n"))
  answer <- patiently("the upload", function() {
    handle <- curl::new_handle(customrequest = "PUT", post = TRUE, postfieldsize = length(content), postfields = content)
    # the signed address is valid only for a request without a content type
    curl::handle_setheaders(handle, "Content-Type" = "", Expect = "")
    request(handle, place$url)
  })
  if (answer$status_code >= 300) stop("the upload was rejected with HTTP ", answer$status_code, call. = FALSE)
  # Only createSubmission has an argument for the tournament.
  variables <- list(filename = place$filename, modelId = model, triggerId = if (nzchar(trigger)) trigger)
  types <- c(filename = "String!", modelId = "String", triggerId = "String")
  if (tournament != signals) {
    variables$tournament <- tournament
    types <- c(types, tournament = "Int!")
  }
  graphql(
    sprintf("mutation (%s) { %s(%s) { id } }",
            paste0("$", names(types), ": ", types, collapse = ", "), create,
            paste0(names(types), ": $", names(types), collapse = ", ")),
    variables, keys)[[create]]$id
}
