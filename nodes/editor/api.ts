import type {
  ApiError,
  DeviceDetail,
  DeviceList,
  ModelMatch,
  ObjectInfo,
  ObjectSummary,
  RequestBody,
  RequestOutcome,
  ServerInfo,
  StoreAction,
  StoreOutcome,
  TrafficPage,
  ValueUpdates,
  WatchBody,
  WatchList,
} from '../admin/contract'
import { t } from './texts'

/** What the admin API answered instead; `code` is stable, `message` is for people. */
export class ApiFailure extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

function failure(response: JQuery.jqXHR): ApiFailure {
  const error = response.responseJSON as Partial<ApiError> | undefined
  if (response.status === 401) return new ApiFailure('forbidden', t('forbidden'))
  if (error?.message !== undefined) return new ApiFailure(error.code ?? 'unknown', error.message)
  return new ApiFailure(`http-${response.status}`, response.statusText)
}

// jQuery carries the editor's access token, and relative addresses work under httpAdminRoot.
function call<T>(settings: JQuery.AjaxSettings): Promise<T> {
  return new Promise((resolve, reject) => {
    $.ajax({ dataType: 'json', ...settings }).then(
      (answer: T) => resolve(answer),
      (response: JQuery.jqXHR) => reject(failure(response)),
    )
  })
}

function get<T>(path: string, data: object = {}): Promise<T> {
  return call<T>({ url: `lwm2m/${path}`, data })
}

function post<T>(path: string, body: object): Promise<T> {
  return call<T>({
    url: `lwm2m/${path}`,
    method: 'POST',
    contentType: 'application/json',
    data: JSON.stringify(body),
  })
}

/** Whether the user may ask devices and change them; who may not can still look. */
export function mayAsk(): boolean {
  return RED.user.hasPermission('lwm2m-server.write')
}

const id = encodeURIComponent

/** An endpoint name in a path: browsers take `.` and `..`, however encoded, for folders. */
function name(endpoint: string): string {
  return `~${id(endpoint)}`
}

/** The admin HTTP API (`nodes/admin/contract.ts`). Every call rejects with {@link ApiFailure}. */
export const api = {
  servers: () => get<ServerInfo[]>('servers'),
  devices: (server: string, q: string, limit: number) =>
    get<DeviceList>(`${id(server)}/devices`, { q, limit }),
  device: (server: string, endpoint: string) =>
    get<DeviceDetail>(`${id(server)}/devices/${name(endpoint)}`),
  objects: (server: string) => get<ObjectSummary[]>(`${id(server)}/model`),
  object: (server: string, object: number, version?: string) =>
    get<ObjectInfo>(`${id(server)}/model/${object}`, version === undefined ? {} : { version }),
  search: (server: string, q: string) => get<ModelMatch[]>(`${id(server)}/search`, { q }),
  request: (server: string, endpoint: string, body: RequestBody) =>
    post<RequestOutcome>(`${id(server)}/devices/${name(endpoint)}/request`, body),
  watch: (server: string, endpoint: string, body: WatchBody) =>
    post<WatchList>(`${id(server)}/devices/${name(endpoint)}/watch`, body),
  values: (server: string, endpoint: string, watcher: string, since: number) =>
    get<ValueUpdates>(`${id(server)}/devices/${name(endpoint)}/values`, { watcher, since }),
  traffic: (server: string, since: number, endpoint: string) =>
    get<TrafficPage>(`${id(server)}/traffic`, { since, endpoint }),
  changeStore: (server: string, action: Exclude<StoreAction, 'export'>) =>
    post<StoreOutcome>(`${id(server)}/store/${action}`, {}),
  exportStore: (server: string) =>
    call<string>({ url: `lwm2m/${id(server)}/store/export`, method: 'POST', dataType: 'text' }),
}
