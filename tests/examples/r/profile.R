# The curl package reads CURL_CA_BUNDLE since version 5.2. Debian 12 has an older version, which gets the setting here.
setHook(packageEvent("curl", "onLoad"), function(...) {
  if (utils::packageVersion("curl") < "5.2.0") {
    original <- curl::new_handle
    with_authority <- function(...) original(cainfo = Sys.getenv("CURL_CA_BUNDLE"), ...)
    utils::assignInNamespace("new_handle", with_authority, "curl")
  }
})
