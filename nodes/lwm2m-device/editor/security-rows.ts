import { passwordInput, pemArea, row, select, textInput } from '../../editor/row-html'

const COMMON = '@lwm2m-flows/node-red-lwm2m/lwm2m-server:common'

const t = (key: string): string => `lwm2m-device.${key}`

/** Names of the properties that say what a device shows to one of its servers. */
export interface SecurityProperties {
  readonly mode: string
  readonly identity: string
  readonly pskKey: string
  readonly keyFormat: string
  readonly certificate: string
  readonly privateKey: string
  readonly serverPublicKey: string
  readonly serverCertificate: string
  readonly certificateUsage: string
}

/** Those for the server, and those for the bootstrap server. */
export const SERVER_SECURITY: SecurityProperties = {
  mode: 'securityMode',
  identity: 'pskIdentity',
  pskKey: 'pskKey',
  keyFormat: 'pskKeyFormat',
  certificate: 'certificate',
  privateKey: 'privateKey',
  serverPublicKey: 'serverPublicKey',
  serverCertificate: 'serverCertificate',
  certificateUsage: 'certificateUsage',
}
export const BOOTSTRAP_SECURITY: SecurityProperties = {
  mode: 'bootstrapMode',
  identity: 'bootstrapIdentity',
  pskKey: 'bootstrapKey',
  keyFormat: 'bootstrapKeyFormat',
  certificate: 'bootstrapCertificate',
  privateKey: 'bootstrapPrivateKey',
  serverPublicKey: 'bootstrapServerPublicKey',
  serverCertificate: 'bootstrapServerCertificate',
  certificateUsage: 'bootstrapCertificateUsage',
}

/** The rows for one of them; `data-modes` says with which modes a group of rows is shown. */
export function securityRows(of: SecurityProperties): string {
  const group = (modes: string, ...rows: string[]): string =>
    `<div data-of="${of.mode}" data-modes="${modes}">${rows.join('\n')}</div>`
  return [
    row(
      of.mode,
      'lock',
      t('mode'),
      select(of.mode, [
        ['psk', t('mode-psk')],
        ['rpk', t('mode-rpk')],
        ['x509', t('mode-x509')],
      ]),
    ),
    group(
      'psk',
      row(of.identity, 'id-card-o', t('identity'), textInput(of.identity, t('identity-hint'))),
      row(of.pskKey, 'key', t('pskKey'), passwordInput(of.pskKey)),
      row(
        of.keyFormat,
        'font',
        t('keyFormat'),
        select(of.keyFormat, [
          ['hex', `${COMMON}.key-hex`],
          ['base64', `${COMMON}.key-base64`],
          ['text', `${COMMON}.key-text`],
        ]),
      ),
    ),
    group('x509', row(of.certificate, 'certificate', t('certificate'), pemArea(of.certificate))),
    group(
      'rpk x509',
      row(
        of.privateKey,
        'key',
        t('privateKey'),
        passwordInput(of.privateKey, t('privateKey-hint')),
      ),
    ),
    group(
      'rpk',
      row(of.serverPublicKey, 'server', t('serverPublicKey'), pemArea(of.serverPublicKey)),
    ),
    group(
      'x509',
      row(
        of.certificateUsage,
        'shield',
        t('certificateUsage'),
        select(of.certificateUsage, [
          ['3', t('certificateUsage-3')],
          ['2', t('certificateUsage-2')],
        ]),
      ),
      row(of.serverCertificate, 'server', t('serverCertificate'), pemArea(of.serverCertificate)),
    ),
  ].join('\n')
}
