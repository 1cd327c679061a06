"""Values that many hosts have, as others list them: no code, and nothing of our own choice.

Source of all but what says otherwise: MISP's warning lists (github.com/MISP/misp-warninglists, as
released in PyMISPWarningLists 1.7.0), CC0 1.0 Universal; the version behind each list is MISP's.
Of the resolvers those that their operators name and that stand in MISP's lists of public resolvers
as well, which have 63,000 more, most of them somebody's router.
"""

from __future__ import annotations

_OFTEN_LISTED = """
    01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b
    048846ed8ed185a26394adeb3f63274d1029bbd59cffa8e73a4ef8b19456de1d
    06f7826c2862d184a49e3672c0aa6097b11e7771a4bf613ec37941236c1a8e20
    07c4c7ae2c4c7cb3ccd2ba9cd70a94382395ca8e2b0312c1631d09d790b6db33
    0f343b0931126a20f133d67c2b018a3b 10400c6faf166902b52fb97042f1e0eb
    125da188e26bd119ce8cad7eeb1fc2dfa147ad47 16e8e953c65d610c3bfc595240f3f5b7
    183d0929423da2aa83441ee625de92b213f33948 1ceaf73df40e531df3bfb26b4fb7cd95fb7bff1d
    200ceb26807d6bf99fd6f4f0d1ca54d4 231a802e6ff1fae42f2b12561fff2767d473210b
    2daeaa8b5f19f0bc209d976c02bd6acb51b00b0a 325472601571f31e1bf00674c368d335
    4194d1706ed1f408d5e02d672777019f4d5385c766a8c6ca8acba3167d36a7b9
    41f958d2d3e9ed4504b6a8863fd72b49
    4a15a6777284035dfd8df4ecf496b4f0557a9cc4ffaaf5887659031e843865e1
    4b298058e1d5fd3f2fa20ead21773912a5dc38da3c0da0bbc7de1adfb6011f1c
    4b6c7f3146f86136507497232d2f04a0
    4dde54cfc600dbd9a610645d197a632e064115ffaa3a1b595c3a23036e501678
    5ba93c9db0cff93f52b521d7420e43f6eda2784f
    5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef
    605db3fdbaff4ba13729371ad0c4fbab3889378e 60cacbf3d72e1e7834203da608037b1bf83b40e8
    620f0b67a91f7f74151bc5be745b7110 68b329da9893e34099c7d8ad5cb9c940
    6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d
    72c2dbbb1fe642073002b30987fcd68921a6b140
    7eb70257593da06f682a3ddda54a9d260d4fc514f645237f5ca74b08f8da61a6
    8094af5ee310714caebccaeee7769ffb08048503ba478b879edfef5f1a24fefe
    81051bcc2cf1bedf378224b0a93e2877 86f1895ae8c5e8b17d99ece768a70732
    8a798890fe93817163b10b5f7bd2ca4d25d84c52739a645a889c173eee7d9d3d
    93b885adfe0da089cdf634904fd59f71
    995c770caeb45f7f0c1bc3affc60f11d8c40e16027df2cf711f95824f3534b6f
    a11a2f0cfe6d0b4c50945989db6360cd a6105c0a611b41b08f1209506350279e
    ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7
    adc83b19e793491b1c6ea0fd8b46cd9f32e592fc
    b1442e85b03bdcaf66dc58c7abb98745dd2687d86350be9a298a1d9382ac849b
    b3aca92c793ee0e9b1a9b0a5f5fc044e05140df3
    b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c
    b6f9aa44c5f0565b5deb761b1926e9b6 ba8ab5a0280b953aa97435ff8946cbcbb2755a27
    c4232ddd4d37b9c0884bd44d8476578c54d7f98d58945728e425736a6a07e102
    c5e389341a0b19b6f045823abffc9814 c82cee5f957ad01068f487eecd430a1389e0d922
    c929701c67a05f90827563eedccf5eba8e65b2da970189a0371f28cd896708b8
    c99a74c555371a433d121f551d6c6398 d378bffb70923139d6a4f546864aa61c
    d3b07384d113edec49eaa6238ad5ff00 d41d8cd98f00b204e9800998ecf8427e
    d5502a1d00787d68f548ddeebbde1eca5e2b38ca d583c3aa489ed954df3be71e71deae3a9895857e
    d991c16949bd5e85e768385440e18d493ce3aa46 da39a3ee5e6b4b0d3255bfef95601890afd80709
    deabe082bc0f0f503292e537b2675c7c93dca40f
    df4e26a04a444901b95afef44e4a96cfae34690fff2ad2c66389c70079cdff2b
    e24133dd836d99182a6227dcf6613d08 e2516fcd1573e70334c8f50bee5241cdfdf48a00
    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    e5a00aa9991ac8a5ee3109844d84a55583bd20572ad3ffcd42792f3c36b183ad
    e617348b8947f28e2a280dd93c75a6ad f00aa51c2ed8b2f656318fdc01ee1cf5441011a4
    f1d2d2f924e986ac86fdf7b36c94bcdf32beec15 f6d380b256b0e66ef347adc78195fd0f228b3e33
    fa8715078d45101200a6e2bf7321aa04 fb360f9c09ac8c5edb2f18be5de4e80ea4c430d0
    fc4623b113a1f603c0d9ad5f83130bd6de1c62b973be9892305132389c8588de
"""
OFTEN_LISTED = frozenset(_OFTEN_LISTED.split())
"""``common-ioc-false-positive``, 2: files of a line end, of zeros and the like."""

_EICAR = """
    2546dcffc5ad854d4ddc64fbf056871cd5a00f2471cb7a5bfd4ac23b6e9eedad
    275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f
    3395856ce81f2b7382dee72602f798b642f14140 44d88612fea8a8f36de82e1278abb02f
    6ce6f415d8475545be5ba114f208b0ff bec1b52d350d721c7e22a6d4bb0a92909893a3ae
    d27265074c9eac2e2122ed69294dbc4d7cce9141
    e1105070ba828007508566e28a2b8d4c65d192e9eaf3b7868382b7cae747b397
    e4968ef99266df7c9a1f0637d2389dab
"""
EICAR = frozenset(_EICAR.split())
"""``eicar.com``, 2: the test file of antivirus programs, and archives of it."""

_ASKED_BY_WINDOWS = """
    003-1-d.outlook.com 003-1-d.prod.outlook.com 1.msftsrvcs.vo.llnwi.net
    2.dl.delivery.mp.microsoft.com 2.tlu.dl.delivery.mp.microsoft.com
    3.dl.delivery.mp.microsoft.com 3.dl.delivery.mp.microsoft.com.c.footprint.net
    3.tlu.dl.delivery.mp.microsoft.com 3.tlu.dl.delivery.mp.microsoft.com.c.footprint.net
    a-msedge.net a-ring.msedge.net a122.dscd.akamai.net a1621.g.akamai.net aadrm.com afx.ms
    akadns.net akamai.net akamaiedge.net android.clients.google.com apple.com arc.msn.com
    arc.msn.com.nsatc.net aspnetcdn.com au.download.windowsupdate.com auth.gfx.ms
    azdns-migration-ns-validation.cn azure-api.net azure-apim.net azure-devices.net
    azure-int.net azure-mobile.net azure.com azure.net azurebiganalytics.net
    azuredatacatalog.com azuredatalake.net azuredatalakeanalytics.net azuredatalakestore.net
    azureedge.net azurehdinsight-stage.net azurehdinsight.net azurewebsites.net
    b-ring.msedge.net b.akamaiedge.net bing-exp.com bing-int.com bing.com bing.net
    blob.core.windows.net blob.weather.microsoft.com c-msedge.net candycrushsoda.king.com
    captive.apple.com cdn.content.prod.cms.msn.com cdn.onenote.net cds.d2s7q6s2.hwcdn.net
    ceipmsn.com client-office365-tas.msedge.net clients3.google.com clients4.google.com
    cloudapp-int.net cloudapp-preview.com cloudapp-preview.net cloudapp.azure.com
    cloudapp.azure.net cloudapp.net clouddatahub.net cloudwebappproxy.net
    co4.telecommand.telemetry.microsoft.com.akadns.net codeplex.com community-stage.skype.com
    config.edge.skype.com connectivitycheck.android.com connectivitycheck.gstatic.com
    cs12.wpc.v0cdn.net ctldl.windowsupdate.com cy2.displaycatalog.md.mp.microsoft.com.akadns.net
    cy2.licensing.md.mp.microsoft.com.akadns.net cy2.purchase.md.mp.microsoft.com.akadns.net
    cy2.settings.data.microsoft.com.akadns.net cy2.vortex.data.microsoft.com.akadns.net
    d2uzsrnmmf6tds.cloudfront.net definitionupdates.microsoft.com
    delivery.dsp.mp.microsoft.com.nsatc.net detectportal.firefox.com discoverbing.com
    displaycatalog.mp.microsoft.com dl.delivery.mp.microsoft.com
    dm3p.wns.notify.windows.com.akadns.net dmd.metaservices.microsoft.com
    dmd.metaservices.microsoft.com.akadns.net download.cortana.cn.bing.com
    download.microsoft.com download.windowsupdate.com dscb1.akamaiedge.net dscd.akamai.net
    dspb.akamaiedge.net dspg.akamaiedge.net dspw65.akamai.net dual-a-0001.a-msedge.net
    e-msedge.net emdl.ws.microsoft.com evoke-windowsservices-tas.msedge.net
    fe2.update.microsoft.com fe2.update.microsoft.com.nsatc.net
    fe3.delivery.dsp.mp.microsoft.com.nsatc.net fe3.delivery.mp.microsoft.com
    fg.download.windowsupdate.com.c.footprint.net files-df.1drv.com files.1drv.com
    firstpartyapps.oaspapps.com fp.msedge.net fs.microsoft.com g.akamai.net g.akamaiedge.net
    g.live.com g.msn.com g.msn.com.nsatc.net geo-prod.do.dsp.mp.microsoft.com
    geo-prod.do.dsp.mp.microsoft.com.nsatc.net geo-prod.dodsp.mp.microsoft.com.nsatc.net
    geover-prod.do.dsp.mp.microsoft.com getmicrosoftkey.com gfx-int.ms gfx.ms go.microsoft.com
    gpla1.wac.v2cdn.net hdinsightservices.net healthvault-ppe.co.uk healthvault-ppe.com
    healthvault.co.uk healthvault.com homeserver.com hotmail-int.com hotmail.co.uk hotmail.com
    hwcdn.net iespdytst.redmond.corp.microsoft.com img-prod-cms-rt-microsoft-com.akamaized.net
    insidersurveys.windows.com ip5.afdorigin-prod-am02.afdogw.com ipv4.login.msa.akadns6.net
    l-ring.msedge.net l.windowsupdate.com licensing.mp.microsoft.com live-int.com live-int.net
    live-partner.com live-ppe.net live.com live.fi live.net livefilestore-int.com
    livefilestore.com livemeeting.com location-inference-westus.cloudapp.net login.live.com
    login.msa.akadns6.net lync.com m1-msedge.net management-azure-devices.net maps.windows.com
    mediaredirect.microsoft.com mesh.com mgmt-azure-api.net mgmt.live microsoft-int.com
    microsoft.com microsoft.com.au microsoft.com.tr microsoft.fr microsoftcrmportals.com
    microsoftcrmportalstest.com microsoftkonacompute.net microsoftonline-int.com
    microsoftonline-p-int.com microsoftonline-p.com microsoftonline-p.net microsoftonline.com
    microsoftonline.net microsoftprime.com microsoftprojecttokyo.com microsoftstore.com
    microsoftstore.com.br microsoftstore.com.cn microsoftstore.com.hk microsoftstream.com
    microsofttranslator.com microsoftvirtualacademy.com modern.ie
    modern.watson.data.microsoft.com.akadns.net msads.net msappproxy.net msftconnecttest.com
    msftncsi.com msftsrvcs.vo.llnwd.net msgamestudios.com msn-int.com msn.cn msn.co.jp msn.com
    msn.com.cn msnbot-65-52-108-198.search.msn.com msocdn.com o365apps.net
    ocos-office365-s2s.msedge.net ocsp.digicert.com oem.twimg.com office-int.com office-int.net
    office.com office.net office365.com officeppe.com officeppe.net oneclient.sfx.ms
    onedrive.com onenote.com onenote.net outlook-int.com outlook.com outlook.office365.com
    pbiwebcontent.com peer1-wst.msedge.net peer4-wst.msedge.net pfx.ms pod71084-pri.outlook.com
    pod71084.outlook.com powerbi.com powerusers-staging.microsoft.com powerusers.microsoft.com
    prod.do.dsp.mp.microsoft.com prod.do.dsp.mp.microsoft.com.nsatc.net pti.store.microsoft.com
    pti.store.microsoft.com.unistore.akadns.net purchase.mp.microsoft.com
    query.prod.cms.rt.microsoft.com redmond.corp.microsoft.com remotewebaccess.com
    ris.api.iris.microsoft.com ris.api.iris.microsoft.com.akadns.net s-microsoft.com
    s-msedge.net s-msft.com s-msn.com search.msn.com settings-win.data.microsoft.com
    settings.data.microsoft.com sfx-df.ms sfx-int.ms sfx.ms sharepoint.com sharepointonline.com
    skype.com skype.net skypeassets.com sls.update.microsoft.com
    sls.update.microsoft.com.nsatc.net spectrum.s3.amazonaws.com sqlazurelabs.com
    stage-azurewebsites.net stage-o365apps.net star-mini.c10r.facebook.com
    store-images.microsoft.com store-images.s-microsoft.com
    storecatalogrevocation.storequality.microsoft.com storeedgefd.dsx.mp.microsoft.com
    surface.com syncxp.net telecommand.telemetry.microsoft.com
    telecommand.telemetry.microsoft.com.akadns.net tile-service.weather.microsoft.com
    tlu.dl.delivery.mp.microsoft.com tlu.dl.delivery.mp.microsoft.com.c.footprint.net trouter.io
    tsfe.trafficshaping.dsp.mp.microsoft.com v10.vortex-win.data.microsoft.com
    vip5.afdorigin-prod-am02.afdogw.com vip5.afdorigin-prod-ch02.afdogw.com virtualearth.net
    visualstudio.com vo.msecnd.net vortex-sandbox.data.microsoft.com vsallin.net vsassets.io
    wac.edgecastcdn.net wac.phicdn.net wallet-frontend-prod-westus.cloudapp.net
    wallet.microsoft.com watson.telemetry.microsoft.com wdcp.microsoft.akadns.net
    wdcp.microsoft.com wildcard.twimg.com windows-int.net windows.com windows.net
    windowsazure.com windowsmedia.com windowsphone-int.com windowsphone-int.net windowsphone.com
    windowsphone.net windowssearch.com windowsstore.com windowsupdate.com wlxrs.com
    wns.windows.com www.airport.us www.apple.com www.appleiphonecell.com www.bing.com
    www.google.com www.gstatic.com www.ibook.info www.insidersurveys.windows.com www.itools.info
    www.microsoft.com www.msftconnecttest.com www.thinkdifferent.us xbox.com xboxlive.com
    za.microsoftstore.com zune.net
"""
ASKED_BY_WINDOWS = frozenset(_ASKED_BY_WINDOWS.split())
"""``microsoft-win10-connection-endpoints``, 3; ``microsoft``, 5; ``captive-portals``, 20230130:
without a leading dot."""

_OF_ANYBODY = """
    000webhostapp.com 12ft.io 1drv.com 1drv.ms 4sync.com amazonaws.com anonfiles.com
    api.telegram.org app.milanote.com appdomain.cloud appspot.com archive.org archive.ph
    atlassian.net attachment.outlook.live.net attachments.office.net axshare.com azureedge.net
    azurefd.net azurestaticapps.net azurewebsites.net backblazeb2.com beautiful.ai bit.ly
    bitbucket.io bitbucket.org blob.core.windows.net blogspot.com box.com canva.com
    cdn.discordapp.com cdn.fbsbx.com clbin.com clickfunnels.com cloudapp.azure.com cloudapp.net
    cloudfront.net cloudwaysapps.com codepen.io codesandbox.io csb.app ct.sendgrid.net cutt.ly
    digitaloceanspaces.com discord.com doc.clickup.com docs.google.com docsend.com docusign.com
    dogechain.info doubleclick.net drive.google.com dropbox.com dropmark.com duckdns.org
    easywp.com evernote.com express.adobe.com facebook.com feedproxy.google.com filebin.net
    filecloudonline.com filetransfer.io firebaseapp.com firebasestorage.googleapis.com fleek.co
    format.com forms.office.com fyi.to genius.com gitee.com github.com github.io gitlab.com
    glitch.me godaddysites.com gofile.io googleusercontent.com googleweblight.com
    graph.microsoft.com herokuapp.com hostingerapp.com i.imgur.com icloud.com ideone.com
    inmotionhosting.com instagram.com ix.io linodeobjects.com lnkd.in localhost.run
    mediafire.com mega.nz my.visme.co mybluehost.me mybluemix.net myportfolio.com
    mystrikingly.com nethunt.com netlify.app ngrok.io nimbusweb.me notion.site notion.so
    nt.embluemail.com on.aws ondigitalocean.app onedrive.live.com onenoteonlinesync.onenote.com
    oraclecloud.com pagecloud.com pages.dev parg.co paste.ee pastebin.com pastebin.pl
    pastetext.net pastie.org pcloud.com plesk.page raw.githubusercontent.com rb.gy rebrand.ly
    reddit.com rentry.co repl.co requestbin.net rf.gd s.id sendspace.com sharepoint.com
    siasky.net sites.google.com slab.com slack-files.com slack.com spark.adobe.com sprunge.us
    stonly.com storage.googleapis.com surveycake.com sway.office.com t.co t.m1.email.samsung.com
    telegra.ph teletype.in termbin.com textbin.net tinyurl.com track.adform.net transfer.sh
    translate.goog trello.com trycloudflare.com tumblr.com twitter.com typeform.com ufile.io
    uplooder.net viewer.joomag.com wasabisys.com web.app web.core.windows.net webflow.io
    weebly.com wetransfer.com wixsite.com wordpress.com workers.dev workflowy.com wtools.io
    xiti.com youtube.com zendesk.com zerobin.net
"""
OF_ANYBODY = frozenset(_OF_ANYBODY.split())
"""``lots-project``, 20241104: below or behind these names anybody may put what he likes."""

_SINKHOLES = """
    104.155.11.149 104.21.27.14 104.21.65.18 104.244.12.0/22 106.187.96.49 109.74.196.143
    128.14.246.28 13.107.213.69 13.107.219.35 13.107.246.57 13.107.246.69 131.253.18.11
    131.253.18.12 136.161.101.53 139.146.167.25 142.0.36.234 143.215.130.0/24 144.217.254.3
    144.217.74.156 146.112.61.104 146.112.61.105 146.112.61.106 146.112.61.107 146.112.61.108
    146.112.61.109 146.112.61.110 148.81.111.0/25 151.139.128.11 153.234.210.49 162.222.213.197
    166.78.144.80 168.181.184.35 168.62.217.117 172.67.139.94 172.67.223.134 173.192.192.10
    176.31.62.76/30 176.58.104.168 178.162.203.202 178.162.203.226 178.32.140.251 178.79.190.156
    183.236.2.18 184.105.192.0/29 192.169.69.25 192.169.69.26 192.42.116.41 193.166.255.170
    193.166.255.171 195.22.26.192/26 198.61.227.6 198.98.120.157 199.2.137.0/24 199.231.211.108
    204.95.99.59 206.189.61.126 207.46.90.0/24 208.100.26.224/27 208.43.245.213 212.227.20.19
    212.227.55.84 216.218.135.114 216.218.185.162 217.182.172.139 23.253.126.58 23.253.46.64
    3.14.206.87 34.192.238.26 38.102.150.29 38.229.128.125 38.229.148.43 38.229.70.125
    5.79.71.205 5.79.71.225 50.116.32.177 50.116.56.144 50.57.148.87 52.15.119.124 52.5.245.208
    58.158.177.102 64.71.166.50 66.220.23.112/29 67.215.255.139 74.200.48.169 74.208.15.160
    74.208.15.97 74.208.164.166 74.208.64.145 74.208.64.191 79.137.66.14 81.166.122.234
    86.124.164.25 87.106.140.254 87.106.141.15 87.106.18.122 87.106.24.200 87.106.240.162
    87.106.250.34 87.106.26.9 87.106.86.28 87.255.51.229 91.186.66.36 91.233.244.106
    93.159.228.22 94.23.175.2 95.211.172.143 95.211.174.92
"""
SINKHOLES = frozenset(_SINKHOLES.split())
"""``sinkholes``, 2."""

_CDN = """
    103.21.244.0/22 103.22.200.0/22 103.244.50.0/24 103.245.222.0/23 103.245.224.0/24
    103.31.4.0/22 104.156.80.0/20 104.16.0.0/13 104.24.0.0/14 108.162.192.0/18 131.0.72.0/22
    141.101.64.0/18 146.75.0.0/16 151.101.0.0/16 157.52.64.0/18 162.158.0.0/15 167.82.0.0/17
    167.82.128.0/20 167.82.160.0/20 167.82.224.0/20 172.111.64.0/18 172.64.0.0/13
    173.245.48.0/20 185.31.16.0/22 188.114.96.0/20 190.93.240.0/20 197.234.240.0/22
    198.41.128.0/17 199.232.0.0/16 199.27.72.0/21 23.235.32.0/20 2400:cb00::/32 2405:8100::/32
    2405:b500::/32 2606:4700::/32 2803:f800::/32 2a04:4e40::/32 2a04:4e42::/32 2a06:98c0::/29
    2c0f:f248::/32 43.249.72.0/22
"""
CDN = frozenset(_CDN.split())
"""``cloudflare``, 20251223; ``fastly``, 20240422."""

RESOLVERS = {
    "Google":
        "8.8.8.8 8.8.4.4 2001:4860:4860::8888 2001:4860:4860::8844 2001:4860:4860::64 "
        "2001:4860:4860::6464",
    "Cloudflare":
        "1.1.1.1 1.0.0.1 1.1.1.2 1.0.0.2 1.1.1.3 1.0.0.3 2606:4700:4700::1111 2606:4700:4700::1113 "
        "2606:4700:4700::64 2606:4700:4700::6400",
    "Quad9":
        "9.9.9.9 149.112.112.112 9.9.9.10 149.112.112.10 9.9.9.11 149.112.112.11 9.9.9.12 "
        "149.112.112.12 2620:fe::fe 2620:fe::9 2620:fe::fe:10 2620:fe::11 2620:fe::fe:11",
    "OpenDNS":
        "208.67.222.222 208.67.220.220 208.67.220.123 2620:119:35::35 2620:0:ccc::2 2620:0:ccd::2",
    "AdGuard":
        "94.140.14.14 94.140.15.15 94.140.14.15 94.140.14.140 94.140.14.141 2a10:50c0::ad1:ff "
        "2a10:50c0::ad2:ff 2a10:50c0::bad1:ff 2a10:50c0::1:ff 2a10:50c0::2:ff",
    "Level 3":
        "4.2.2.1 4.2.2.2 4.2.2.3 4.2.2.4 4.2.2.5 4.2.2.6 209.244.0.4",
    "Verisign, Neustar":
        "64.6.64.6 64.6.65.6 156.154.70.1 156.154.71.1 156.154.70.5 156.154.71.2 2620:74:1b::1:1 "
        "2620:74:1c::2:2 2610:a1:1018::1 2610:a1:1019::1",
    "CleanBrowsing":
        "185.228.168.9 185.228.169.9 185.228.168.10 185.228.168.168 2a0d:2a00:1::2 2a0d:2a00:2::2",
    "Yandex":
        "77.88.8.8 77.88.8.1 77.88.8.88 77.88.8.2 77.88.8.7 77.88.8.3 2a02:6b8::feed:ff "
        "2a02:6b8:0:1::feed:ff 2a02:6b8::feed:bad 2a02:6b8:0:1::feed:bad",
    "Comodo":
        "8.26.56.26 8.20.247.20",
    "DNS.WATCH":
        "2001:1608:10:25::1c04:b12f 2001:1608:10:25::9249:d69b",
    "Hurricane Electric":
        "2001:470:20::2",
    "AliDNS":
        "223.6.6.6",
    "114DNS":
        "114.114.114.114 114.114.115.115 114.114.115.119",
    "Control D":
        "76.76.2.0 76.76.10.0 76.76.2.1 76.76.10.1 76.76.2.2 76.76.10.2 2606:1a40:: 2606:1a40:1::",
    "Dyn":
        "216.146.35.35 216.146.36.36",
    "NextDNS":
        "45.90.28.0 45.90.30.0 2a07:a8c0:: 2a07:a8c1::",
    "dns0.eu":
        "193.110.81.0 185.253.5.0 2a0f:fc80:: 2a0f:fc81::",
    "Quad101":
        "101.101.101.101 101.102.103.104 2001:de4::101",
    "SafeDNS":
        "195.46.39.40",
    "FDN":
        "80.67.169.12 80.67.169.40",
}  # fmt: skip
"""``public-dns-v4`` and ``public-dns-v6``, 20240615: operators to addresses."""

SUFFIXES = {
    "ac":
        "ae at bd be bw ci cn cr cy eg fj gn id il im in ir jp ke kr lk ls ma me ml mu mw mz "
        "ni nz pa pk pr rs ru rw se sz th tj tz ug uk vn za zm zw",
    "co":
        "ae ag am ao at az bb bd bi bj bn bw bz ca ci cl cm cr cz de dk dm gg gl gy hu id il "
        "im in io ir it je jp ke kr lc ls ma me mg mu mw mz na ni nl no nz om pl pn ro rs rw "
        "ss st sz th tj tm tt tz ua ug uk us uz ve vi za zm zw",
    "com":
        "ac af ag ai al am ar au aw az ba bb bd bh bi bj bm bn bo br bs bt by bz ci cm cn co "
        "cu cv cw cy de dm do dz ec ee eg es et fj fm fr ge gh gi gl gn gp gr gt gu gy hk hn "
        "hr ht im in io iq jo kg ki km kp kw ky kz la lb lc lk lr lv ly mg mk ml mo ms mt mu "
        "mv mw mx my na nf ng ni nr om pa pe pf ph pk pl pr ps pt py qa re ro ru sa sb sc sd "
        "se sg sh sl sn so ss st sv sy tj tm tn to tr tt tw ua ug uy uz vc ve vi vn vu ws ye "
        "zm",
    "edu":
        "ac af al ao ar au az ba bb bd bh bi bj bm bn bo br bs bt bz ci cn co cu cv cw dm do "
        "dz ec ee eg es et fj fm gd ge gh gi gl gn gp gr gt gu gy hk hn ht in io iq it jo kg "
        "ki km kn kp kw ky kz la lb lc lk lr ls lv ly me mg mk ml mn mo ms mt mv mw mx my mz "
        "ng ni nr om pa pe pf ph pk pl pn pr ps pt py qa rs ru sa sb sc sd sg sl sn so ss st "
        "sv sy tj tm to tr tt tw ua ug uy vc ve vg vn vu ws ye za zm",
    "gob":
        "ar bo cl cu do ec es gt hn mx ni pa pe pk sv ve",
    "gov":
        "ac ae af al ao ar as au az ba bb bd bf bh bm bn br bs bt bw by bz cd cl cm cn co cx "
        "cy cz dm do dz ec ee eg et fj gd ge gh gi gn gr gu gy hk ie il in io iq ir it jo kg "
        "ki km kn kp kw kz la lb lc lk lr ls lt lv ly ma me mg mk ml mn mo mr ms mu mv mw my "
        "mz na ng nl nr om ph pk pl pn pr ps pt pw py qa rs ru rw sa sb sc sd sg sh sl so ss "
        "sx sy tj tl tm tn to tr tt tw ua ug uk vc ve vn ws ye za zm zw",
    "go":
        "ci cr id it jp ke kr th tj tz ug",
    "mil":
        "ac ae al ar az ba bd bo br by cl cn co cy do ec eg fj gh gt hn id in io iq jo kg km "
        "kr kz lv mg mv my mz ng ni no nz pe ph pl py qa ru rw sh st sy tj tm to tr tt tw tz "
        "ug uy vc ve ye za zm zw",
    "ne":
        "jp ke kr tz ug us",
    "net":
        "ac ae af ag ai al am ar au az ba bb bd bh bj bm bn bo br bs bt bw bz ci cm cn co cu "
        "cv cw cy dm do dz ec eg et fj fm ge gg gh gl gn gp gr gt gu gy hk hn ht id il im in "
        "io iq ir je jo kg ki kn kw ky kz la lb lc lk lr ls lv ly ma me mk ml mo ms mt mu mv "
        "mw mx my mz na nf ng ni nr nz om pa pe ph pk pl pn pr ps pt py qa ru rw sa sb sc sd "
        "sg sh sl so ss st sy th tj tm tn to tr tt tw ua uk uy uz vc ve vi vn vu ws ye za zm",
    "nom":
        "ag br co es fr io km mg nc ni pa pe pl ro tm ve za",
    "or":
        "at bi ci cr id it jp ke kr mu th tz ug us",
    "org":
        "ac ae af ag ai al am ao ar au az ba bb bd bh bi bj bm bn bo br bs bt bw bz ci cn co "
        "cu cv cw cy dm do dz ec ee eg es et fj fm ge gg gh gi gl gn gp gr gt gu gy hk hn ht "
        "hu il im in io iq ir je jo kg ki km kn kp kw ky kz la lb lc lk lr ls lv ly ma me mg "
        "mk ml mn mo ms mt mu mv mw mx my mz na ng ni nr nz om pa pe pf ph pk pl pn pr ps pt "
        "py qa ro rs ru rw sa sb sc sd se sg sh sk sl sn so ss st sv sy sz tj tm tn to tr tt "
        "tw ua ug uk uy uz vc ve vi vn vu ws ye yt za zm zw",
}  # fmt: skip
"""``second-level-tlds``, 20251223 (the Public Suffix List): of these second labels the countries
under which they are a registry, such as ``co.uk``."""
