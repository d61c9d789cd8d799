# The curl package reads CURL_CA_BUNDLE since its version 5.2; Debian 12 has an older one, which gets it here.
setHook(packageEvent("curl", "onLoad"), function(...) {
  if (utils::packageVersion("curl") < "5.2.0") {
    made <- curl::new_handle
    with_authority <- function(...) made(cainfo = Sys.getenv("CURL_CA_BUNDLE"), ...)
    utils::assignInNamespace("new_handle", with_authority, "curl")
  }
})
