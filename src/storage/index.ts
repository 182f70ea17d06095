/** Stores: where the server keeps registrations, observations, requests and credentials. */
export { DiskStore } from './disk-store'
export { MemoryStore } from './memory-store'
export { type Store, type StoreChange, StoreError } from './store'
