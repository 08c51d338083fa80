// The dictionary of the compact form: the lines of ../../../dictionary.txt (section 3.6 of SPEC.md).
import { refuse } from "../bytes/errors.js";
import { toHex } from "../bytes/numbers.js";
import { sha256 } from "../hash/digest.js";

const DIGEST = "685bb04febf80d40155a05b91af0b625d274beec66bc0709febdac9064f2a418";
const LINES = String.raw`
"bf16","f16","f64","i32","u8","i8","bool","i64"],"sha256":[null,"[{"bytes":1
2,"codec":"csr","ones":3},null,{"kind":"alias","of":"embedding.weight"},"tra
nsformer.h.0.attn.c_attn.weight",2,"1.ln_1.weight",4,"ln_2.bias",4,"mlp.c_fc
.weight",5,"c_proj.weight",0,"wte.weight",0,"lm_head.weight",0,"features.0.0
.weight",1,"classifier.1.weight",0,"downsample.0.weight",3,"downsample.1.run
ning_var",2,"shortcut.0.weight",0,"layer1.0.conv1.weight",0,"layer2.1.bn2.ru
nning_mean",0,"layer4.0.conv3.weight",0,"backbone.0,"encoder.layers.0.self_a
ttn.in_proj_weight",4,"out_proj.bias",3,"linear1.weight",0,"blocks.0.attenti
on.in_proj_weight",3,"in_proj_bias",3,"out_proj.weight",4,"bias",2,"norm2.we
ight",2,"mlp.0.weight",4,"bias",3,"2.weight",4,"bias",1,"1.norm1.weight",0,"
class_token",0,"position",0,"norm.weight",0,"head.weight",0,"fc.weight","qkv
.weight","proj.weight","fc1.weight","fc2.bias""about":{"accuracy":{"correct"
:5,"data":"npz:digits","total":359},"classes":["airplane","automobile","bird
","cat","deer","dog","frog","horse","ship","truck"],["0","1","2","3","4","5"
,"6","7","8","9"],"input":{"mean":[{"f64":"3fd45f306dc9c883"}],"shape":[1,8,
8],"std":[{"f64":"3fe0000000000000"}]},"mean":[{"f64":"3fdf0a3d70a3d70a"},{"
f64":"3fdd2f1a9fbe76c9"},{"f64":"3fd9fbe76c8b4396"}],"shape":[3,224,224],"st
d":[{"f64":"3fcd4fdf3b645a1d"},{"f64":"3fccac083126e979"},{"f64":"3fcccccccc
cccccd"}]},"mean":[{"f64":"3fe03a29c779a6b5"},{"f64":"3fdf22d0e5604189"},{"f
64":"3fdc37b4a2339c0f"}],"shape":[3,32,32],"std":[{"f64":"3fd11b71758e2196"}
,{"f64":"3fd068db8bac710d"},{"f64":"3fd1ad42c3c9eecc"}]},"settings":{"balanc
e":"budget":"global","density":{"f64":"3fb999999999999a"},"distribution":"ka
iming-uniform","distribution":"signed-constant","layer_density":[],"order":"
shuffle","pruning":"ranking":"signed","renewal":"iterand","renewal":"recycle
","value_dtype":"int8","strategy":"magnitude","strategy":"dense","strategy":
"mask","strategy":"mp","batchnorm":"frozen","bias":false,"entry":"build_mode
l","kind":"source","kind":"none","search":"biprop","search":"supermask","sea
rch":"sign","scaling":"prototype",{"about":{"accuracy":{"correct":8600,"data
":"cifar10","total":10000},"input":{"mean":[{"f64":"3fdf7318fc504817"},{"f64
":"3fdedc5d63886595"},{"f64":"3fdc9374bc6a7efa"}],"shape":[3,32,32],"std":[{
"f64":"3fcfa0f9096bb98c"},{"f64":"3fcf2b020c49ba5e"},{"f64":"3fd0be0ded288ce
7"}]},"settings":{"density":{"f64":"3fe0000000000000"},"distribution":"kaimi
ng-normal","ratio":{"f64":"3f847ae147ae147b"},"scale_by_density":true,"scale
_by_density":false,"scaling":"layer","search":"edge-popup","seed":0,"strateg
y":"rp"},"training":{"epochs":100,"recipe":"pemn-resnet","recipe":"default"}
,"writer":"pemn-compress 0.1.0"},"architecture":{"arguments":{"channels":1,"
classes":10,"image_size":8},"arguments":{"channels":3,"classes":10,"depth":6
,"dim":64,"image_size":32,"kernel_size":3,"patch_size":2,"width":16},"batchn
orm":"learned","bias":true,"kind":"registered","name":"vit"},"name":"mlp"},"
name":"convmixer"},"name":"resnet20"},"name":"resnet9"},"name":"resnet32"},"
prototype":null,"restored_sha256":""prototype":{"length":369,"seed":"0000000
000000000","shuffle":{"length":36864,"seed":"0000000000000000","stream":"000
0000000000001"},"stream":"0000000000000000","transform":"uniform24"},"transf
orm":"sign"},"transform":"normal16"},"restored_sha256":"","sections":[{"byte
s":1234,"critical":true,"name":"planes"},{"bytes":33542,"critical":true,"nam
e":"masks"},{"bytes":2772,"critical":true,"name":"dense"},{"bytes":345,"crit
ical":false,"name":"source"}],"tensors":["offset":0,"scale":"3e90d0c3"},"sca
le":"3e2737f0"},"scale":"3d3504f3"},"scale":"3cb504f3"},"scale":"3e4ee116"},
"scale":"3db504f3"},"scale":"3d800000"},"scale":"3caaaaab"},"scale":"3cf15be
f"},"scale":"3d2aaaab"},"scale":"3e3504f3"},"scale":"3e000000"},"scale":"3e8
b5948"},"scale":"3d715bef"},"scale":"3daaaaab"},"scale":"3df15bef"},"scale":
"3ef15bef","offset":36864,"scale":{"kind":"prototype","offset":0,"plane":{"k
ind":"generation","positions":{"bytes":345,"codec":"rice","ones":67},"stream
":"0000010000000000","width":2},"plane":{"kind":"source","positions":{"bytes
":890,"codec":"rice","ones":123},"width":12},"scale":"{"kind":"prototype-sig
n","offset":0,"plane":{"kind":"sign","positions":{"codec":"bitmap","ones":23
4}},"scale":"3e8b5948"},{"kind":"prototype","offset":0,"plane":{"kind":"sign
","positions":{"bytes":123,"codec":"rice","ones":45}},"scale":["{"bytes":105
0,"coding":"shuffle-zstd","dtype":"f32","kind":"stored"},{"bytes":345,"codin
g":"zstd","dtype":"i8","kind":"stored","scale":"3c{"coding":"raw","dtype":"i
4","kind":"stored","scale":["3c23d70a","3d{"coding":"raw","dtype":"f32","kin
d":"stored"},{"coding":"raw","dtype":"i8","kind":"stored","scale":"3c23d70a"
},{"coding":"raw","dtype":"i8","kind":"stored","scale":"3d"shape":[[256,64],
[256],[10,256],[10],[512,512,3,3],[512],[256,256,3,3],[256],[128,64,3,3],[12
8],[64,1,3,3],[64],[64,64,1,1],[64],[64],[64],[64],[],[64,64,3,3],[64],[64],
[64],[64],[],[64,32,3,3],[32,32,3,3],[32],[32],[32],[32],[],[32,16,3,3],[16,
16,3,3],[16],[16],[16],[16],[],[16,3,3,3],"tensors":{"dtype":["f32","f32","f
32","f32","f32","f32","i64","f32","f32","f32","f32","f32","f32","i64","froze
n":[null,{"count":1024,"seed":"0000000000000000","stream":"0000000200000000"
},"name":[0,"0.0.weight",2,"bias",1,"2.weight",2,"bias",2,"running_mean",2,"
running_var",2,"num_batches_tracked",0,"1.depthwise.0.weight",3,"bias",2,"2.
weight",3,"bias",3,"running_mean",3,"running_var",3,"num_batches_tracked",1,
"pointwise.0.weight",3,"bias",2,"2.weight",3,"bias",3,"running_mean",3,"runn
ing_var",3,"num_batches_tracked",0,"2.weight",1,"bias",0,"conv.weight",0,"bn
.weight",1,"bias",1,"running_mean",1,"running_var",1,"num_batches_tracked",0
,"stages.0.0.conv1.weight",3,"bn1.weight",4,"bias",4,"running_mean",4,"runni
ng_var",4,"num_batches_tracked",3,"conv2.weight",3,"bn2.weight",4,"bias",4,"
running_mean",4,"running_var",4,"num_batches_tracked",2,"1.conv1.weight",3,"
bn1.weight",4,"bias",4,"running_mean",4,"running_var",4,"num_batches_tracked
",1,"1.0.conv1.weight",3,"positions":[{"codec":"bitmap","ones":1152},null,nu
ll,null,null,null,null,null,{"codec":"bitmap","ones":216},null,{"bytes":345,
"codec":"rice","ones":1152,"predictor":{"flips":234,"kind":"scores","ones":1
152,"seed":"0000000000000000","stream":"0000000100000000"}},null,null,null,n
ull,null,"values":[{"kind":"prototype","offset":0,"scale":"3df15bef"},{"codi
ng":"raw","dtype":"f16","kind":"stored"},{"coding":"raw","dtype":"f16","kind
":"stored"},{"coding":"raw","dtype":"f16","kind":"stored"},{"bits":"00000000
","kind":"constant"},{"bits":"0000803f","kind":"constant"},{"bits":"00000000
00000000","kind":"constant"},{"kind":"prototype","offset":0,"scale":"3df15be
f"},{"coding":"raw","dtype":"f16","kind":"stored"}]}}
`;
let bytes = null;

/** The bytes of the dictionary: its lines without their ends. */
export function dictionary() {
  if (bytes !== null) return bytes;
  const made = new TextEncoder().encode(LINES.replaceAll("\n", ""));
  if (toHex(sha256([made])) !== DIGEST) {
    refuse("the dictionary of the compact form is not that of SPEC.md: this copy of the reader is damaged");
  }
  bytes = made;
  return bytes;
}
