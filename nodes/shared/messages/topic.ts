/**
 * `msg.topic` of something about a device, as *mqtt out* takes it: wildcards (`#`, `+`) and a leading `$`
 * of the endpoint name are percent-encoded, and `%`, so that no two names have one topic.
 * @param below what follows the endpoint name, with its slash: `/3/0/9`, `/registered`
 */
export function topicOf(endpoint: string, below = ''): string {
  const name = /[#+%]|^\$/.test(endpoint)
    ? endpoint.replace(/[#+%]|^\$/g, (symbol) => encodeURIComponent(symbol))
    : endpoint
  return name + below
}
